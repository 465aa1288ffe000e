"""Fake nodes as blueprints and deployed nodes, for tests that start real processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from nomos_testing.cluster.interfaces import NodeHandle, Role
from nomos_testing.deployers.local.child_process import Launcher
from nomos_testing.deployers.local.direct_launcher import DirectLauncher
from nomos_testing.deployers.local.host import LocalHost
from nomos_testing.deployers.local.log_files import LogFiles
from nomos_testing.deployers.local.planning import NodeBlueprint
from nomos_testing.deployers.shared.node import DeployedNode, config_file_name
from nomos_testing.deployers.shared.reaper_client import Reaper
from support.inputs.fault_deadlines import GONE_WITHIN
from support.processes.embedded_node import free_ports

TESTS = Path(__file__).parents[2]
FAKE_ANSWER = '[ $# = 0 ] || case "$1" in --*) echo "error: the required arguments were not provided"; exit 2 ;; esac'
"""What a node that does not tell its name says to those who ask what it is."""


def fake_program(directory: Path) -> Path:
    """An executable that runs the fake node with this interpreter."""
    program = directory / "nomos-node"
    program.write_text(f'#!/bin/sh\n{FAKE_ANSWER}\nexec "{sys.executable}" -m support.fakes.fake_node "$@"\n')
    program.chmod(0o755)
    return program


def free_port() -> int:
    """A port that nobody uses, of those that the kernel gives to no connection before the node binds it."""
    (port,) = free_ports(1)
    return port


def fake_blueprint(index: int = 0, *, role: Role = Role.VALIDATOR, **fake: Any) -> NodeBlueprint:
    api, testing = free_port(), free_port()
    section = {"chain_start": time.time(), "slot_seconds": 0.1, **fake}
    config = {
        "http": {"backend_settings": {"address": f"127.0.0.1:{api}"}},
        "testing_http": {"backend_settings": {"address": f"127.0.0.1:{testing}"}},
        "fake": section,
    }
    return NodeBlueprint(
        role=role,
        index=index,
        network_port=30_000 + index,
        url=f"http://127.0.0.1:{api}",
        testing_url=f"http://127.0.0.1:{testing}",
        config=yaml.safe_dump(config),
    )


def fake_environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS)}


def fake_node(
    directory: Path,
    blueprint: NodeBlueprint,
    program: Path,
    reaper: Reaper,
    *,
    launcher: Launcher | None = None,
    clock_library: Path | None = None,
) -> DeployedNode:
    """A node of this machine. Its place is not made yet."""
    node_directory = directory / blueprint.name
    host = LocalHost(
        node=blueprint.name,
        program=program,
        directory=node_directory,
        config_path=config_file_name(blueprint.role),
        environment=fake_environment(),
        logs=LogFiles(node_directory),
        url=blueprint.url,
        testing_url=blueprint.testing_url,
        launcher=launcher or DirectLauncher(),
        reaper=reaper,
        clock_library=clock_library,
    )
    return DeployedNode.at(
        host,
        role=blueprint.role,
        index=blueprint.index,
        network_port=blueprint.network_port,
        directory=node_directory,
        config=blueprint.config,
    )


def host_of(node: NodeHandle) -> LocalHost:
    """The place of a node of this machine."""
    assert isinstance(node, DeployedNode)
    assert isinstance(node.host, LocalHost)
    return node.host


def is_gone(pid: int) -> bool:
    """No such process, or one that has ended and waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def processes_of(directory: Path) -> list[psutil.Process]:
    """Every process that works in a directory below ``directory``, or was given a path there."""
    found = []
    for process in psutil.process_iter():
        try:
            mentioned = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(text.startswith(str(directory)) for text in mentioned):
            found.append(process)
    return found


@contextmanager
def eventually(what: str, last_seen: Callable[[], str] = str, *, timeout: float = GONE_WITHIN) -> Iterator[Any]:
    """Iterate until the caller breaks; fails after ``timeout`` seconds, naming ``what`` and what was last seen."""
    deadline = time.monotonic() + timeout

    def attempts() -> Iterator[None]:
        while time.monotonic() < deadline:
            yield
            time.sleep(0.02)
        raise AssertionError(f"waited {timeout:g} s for {what}; {last_seen()}")

    yield attempts()
