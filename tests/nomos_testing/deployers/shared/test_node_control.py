"""What node control does to processes, at the level of processes, and how soon."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from nomos_testing.cluster.interfaces import NodeControlError, Role
from nomos_testing.deployers.local.cluster import LocalCluster
from nomos_testing.deployers.local.direct_launcher import DirectLauncher
from nomos_testing.deployers.local.node import LocalNode
from nomos_testing.deployers.shared.clock import NodeClock
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.events import NodeControlled
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.waiting.machine import Patience
from support.inputs.fault_deadlines import EFFECT_DEADLINE
from support.processes.fake_node_processes import eventually, fake_blueprint, fake_node, fake_program, is_gone

pytestmark = pytest.mark.network


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.program = fake_program(directory)
        self.journal = Journal(directory / "journal.jsonl")
        self.reaper = Reaper(self.journal.path, self.journal.opened)
        self.node = fake_node(directory, fake_blueprint(say=["first start"]), self.program)
        self.cluster = self._cluster()

    def _cluster(self) -> LocalCluster:
        async def newcomer(role: Role, index: int, network: Any) -> LocalNode:
            return fake_node(self.directory, fake_blueprint(index, role=role), self.program)

        return LocalCluster(
            [self.node],
            launcher=DirectLauncher(),
            reaper=self.reaper,
            journal=self.journal,
            patience=Patience(slow_environment=True),
            newcomer=newcomer,
        )

    @property
    def pid(self) -> int:
        assert self.node.pid is not None
        return self.node.pid

    def file_limit(self) -> int:
        return resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[0]

    def actions(self) -> list[str]:
        events = (entry.event for entry in read_journal(self.journal.path))
        return [event.action for event in events if isinstance(event, NodeControlled)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    try:
        await made.cluster.start_all()
        yield made
    finally:
        await made.cluster.close()
        made.reaper.dismiss()
        made.journal.close()


async def took(action: Awaitable[None]) -> float:
    began = time.monotonic()
    await action
    return time.monotonic() - began


async def soon(what: str, holds: Callable[[], bool]) -> None:
    """A signal takes effect a moment after it was sent."""
    with eventually(what, timeout=EFFECT_DEADLINE) as attempts:
        for _ in attempts:
            if holds():
                return


async def test_faults_of_processes_and_their_heals_take_effect_in_less_than_half_a_second(bench: Bench) -> None:
    control, node, process = bench.cluster.control, bench.node, psutil.Process(bench.pid)
    assert await took(control.pause(node)) < EFFECT_DEADLINE
    await soon("the process to stand still", lambda: process.status() == psutil.STATUS_STOPPED)
    assert await took(control.resume(node)) < EFFECT_DEADLINE
    await soon("the process to go on", lambda: process.status() != psutil.STATUS_STOPPED)
    assert await took(control.fill_disk(node)) < EFFECT_DEADLINE
    assert bench.file_limit() == 0
    assert await took(control.free_disk(node)) < EFFECT_DEADLINE
    assert bench.file_limit() == resource.RLIM_INFINITY
    assert await took(control.kill(node)) < EFFECT_DEADLINE
    assert is_gone(process.pid)
    assert bench.actions() == ["pause", "resume", "fill disk", "free disk", "kill"]


async def test_a_restart_may_take_another_configuration_and_lose_the_data(bench: Bench) -> None:
    node = bench.node
    (node.directory / "db" / "block").write_text("something stored")
    stored = node.directory / "db" / "block"
    await bench.cluster.control.restart(node)
    assert stored.read_text() == "something stored"
    config = yaml.safe_load(node.blueprint.config)
    config["fake"]["say"] = ["second start"]
    mark = await node.logs.mark()
    await bench.cluster.control.restart(node, config=yaml.safe_dump(config), wipe_data=True)
    assert not stored.exists()
    assert (node.directory / "db" / "starts").read_text() == "started\n"
    assert "second start" in await node.logs.since(mark)
    mark = await node.logs.mark()
    await bench.cluster.control.restart(node)
    since = await node.logs.since(mark)
    assert "second start" in since, "the configuration is the node's own from then on"
    assert "first start" not in since


async def test_a_node_joins_a_running_network(bench: Bench) -> None:
    welcomed: list[str] = []
    bench.cluster.on_welcome(lambda node: welcomed.append(node.name))
    executor = await bench.cluster.control.add_node(Role.EXECUTOR)
    validator = await bench.cluster.control.add_node(Role.VALIDATOR)
    assert [node.name for node in bench.cluster.nodes] == ["validator-0", "validator-1", "executor-0"]
    assert welcomed == ["executor-0", "validator-1"]
    for node in (executor, validator):
        await node.client.consensus_info()
    await bench.cluster.control.kill(validator)
    await bench.cluster.control.heal()
    assert validator.running


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda bench: bench.cluster.control.start(bench.node), "validator-0 is running already"),
        (lambda bench: bench.cluster.control.restart_executor(3), "there is no executor 3"),
        (lambda bench: bench.cluster.control.skew_clock(bench.node, 3), "was not started with a clock that can be put"),
    ],
)
async def test_what_cannot_be_done_is_refused(
    bench: Bench, ask: Callable[[Bench], Awaitable[None]], complaint: str
) -> None:
    with pytest.raises(NodeControlError, match=complaint):
        await ask(bench)


async def test_a_clock_is_put_off_and_right_and_survives_wiped_data(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    clock = NodeClock(library=Path("/somewhere/libfaketime.so.1"), file=bench.node.directory / "clock")
    bench.node.clock, control = clock, bench.cluster.control
    environment = bench.node.command().env
    assert environment["LD_PRELOAD"] == "/somewhere/libfaketime.so.1"
    assert environment["FAKETIME_TIMESTAMP_FILE"] == str(clock.file)
    try:
        assert await took(control.skew_clock(bench.node, -2.5)) < EFFECT_DEADLINE
        assert clock.file.read_text() == "-2.500000\n"
        await bench.node.wipe_data()
        assert clock.file.exists()
        await control.heal()
        assert clock.file.read_text() == "+0.000000\n"
    finally:
        await bench.cluster.close()
        bench.reaper.dismiss()
        bench.journal.close()
    assert bench.actions() == ["put the clock -2.5 s off", "put the clock right"]
