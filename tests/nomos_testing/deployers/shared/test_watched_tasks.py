"""The background tasks of deployers: one that fails ends the run at once, as an error of the framework."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.compose.container_events import ContainerEnds
from nomos_testing.deployers.local.fork_server import ForkServer
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.background import Background, BackgroundFailed, WatchTask, log_failure
from nomos_testing.waiting.machine import Patience


class BrokenChannel:
    """A channel to a program whose lines are no JSON, and whose status cannot be read."""

    name = "pid 7"

    async def write(self, line: bytes) -> None:
        """Nobody reads it."""

    async def read(self) -> bytes:
        return b"no JSON"

    async def ended(self) -> str:
        raise KeyError("a defect")

    async def close(self, *, grace: float = 0.0) -> None:
        """Nothing runs."""


class BrokenDocker:
    async def open(self, *arguments: str) -> BrokenChannel:
        return BrokenChannel()


class BrokenHost:
    """A place whose node starts, and whose end cannot be noticed."""

    program, remote = "node", False
    logs = None

    async def start(self) -> None:
        """The node ends at once."""

    async def ended(self) -> str:
        raise KeyError("a defect")


async def _hear_containers(directory: Path, watch: WatchTask) -> None:
    docker: Any = BrokenDocker()
    await ContainerEnds(docker, "project", lost=lambda: None, unix_time=lambda: 0.0, watch=watch).start()


async def _start_relay(directory: Path, watch: WatchTask) -> None:
    async def connect() -> BrokenChannel:
        return BrokenChannel()

    nothing: Any = None
    relay = RelayClient({}, host="127.0.0.1", connect=connect, probes=nothing, evidence="its log", seed=1)
    starting = asyncio.create_task(relay.start(ended=lambda reason: None, watch=watch))
    await asyncio.gather(starting, return_exceptions=True)


async def _start_node(directory: Path, watch: WatchTask) -> None:
    host: Any = BrokenHost()
    node = DeployedNode.at(host, role=Role.VALIDATOR, index=0, network_port=1, directory=directory)
    journal = Journal(directory / "journal.jsonl")
    cluster = DeployedCluster([node], journal=journal, patience=Patience(), watch=watch)
    await asyncio.gather(cluster.start(node), return_exceptions=True)


async def _start_fork_server(directory: Path, watch: WatchTask) -> None:
    argv = (sys.executable, "-c", "print('no JSON', flush=True)")
    server = ForkServer(argv, stderr=directory / "log", env={}, watch=watch)
    await server.start()
    assert server._process is not None
    await server._process.wait()


TASKS: dict[str, Callable[[Path, WatchTask], Awaitable[None]]] = {
    "ends of containers": _hear_containers,
    "watch the relay": _start_relay,
    "watch validator-0": _start_node,
    "fork server answers": _start_fork_server,
}


@pytest.mark.parametrize("task", TASKS)
async def test_a_task_that_fails_ends_the_run(tmp_path: Path, task: str) -> None:
    background = Background()
    await TASKS[task](tmp_path, background.watch)
    with pytest.raises(BackgroundFailed) as failed:
        await background.guard(asyncio.Event().wait())
    assert failed.value.task.name == task
    assert failed.value.task.of_framework


@pytest.mark.parametrize("task", TASKS)
async def test_outside_of_a_run_the_log_tells(tmp_path: Path, task: str, caplog: pytest.LogCaptureFixture) -> None:
    failed: list[asyncio.Task[None]] = []

    def watch(watched: asyncio.Task[None]) -> None:
        log_failure(watched)
        failed.append(watched)

    await TASKS[task](tmp_path, watch)
    await asyncio.wait(failed)
    await asyncio.sleep(0)
    assert f"{task} failed" in caplog.messages
