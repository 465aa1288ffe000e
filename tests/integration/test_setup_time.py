"""From the command until every node is ready: containers against plain processes of the same machine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.journal.events import PhaseEnded, PhaseStarted
from nomos_testing.journal.journal import read_journal
from support.processes.embedded_node import wait_until
from support.processes.live_network import PROGRAMS, live_environment
from support.processes.node_image import node_image

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network, pytest.mark.nightly, pytest.mark.timeout(600)]

TRIES = 3
MOST_TIMES = 3.0


def seconds_until_ready(program: str, directory: Path, variables: dict[str, str]) -> float:
    """The program is ended as soon as its nodes are ready."""

    def events() -> list[Any]:
        return [entry.event for journal in directory.glob("*/journal.jsonl") for entry in read_journal(journal)]

    def runs() -> bool:
        return any(isinstance(event, PhaseStarted) and event.phase == "run" for event in events())

    started = time.monotonic()
    command = [PROGRAMS / program, "--runs-dir", directory]
    with subprocess.Popen(command, env=live_environment(**variables), stderr=subprocess.DEVNULL) as process:
        wait_until("the run to begin", runs, patience=120)
        seconds = time.monotonic() - started
        process.send_signal(signal.SIGINT)
    phases = [f"{event.phase} {event.seconds:.1f}" for event in events() if isinstance(event, PhaseEnded)]
    print(f"{program}: {seconds:.2f} s; phases: {', '.join(phases)}")
    return seconds


@pytest.mark.parametrize(("validators", "executors"), [(1, 1), (3, 2)])
def test_containers_take_at_most_three_times_as_long(tmp_path: Path, validators: int, executors: int) -> None:
    sizes = {"NOMOS_DEMO_VALIDATORS": str(validators), "NOMOS_DEMO_EXECUTORS": str(executors)}
    variables = {"NOMOS_TESTNET_IMAGE": node_image(), "NOMOS_DEMO_RUN_SECS": "60", **sizes}
    taken: dict[str, list[float]] = {"local_runner": [], "compose_runner": []}
    for attempt in range(TRIES):
        for program, seconds in taken.items():
            seconds.append(seconds_until_ready(program, tmp_path / program / str(attempt), variables))
    host, containers = (min(seconds) for seconds in taken.values())
    print(f"{validators}+{executors}: {containers:.2f} s against {host:.2f} s, {containers / host:.1f} times")
    if (os.cpu_count() or 1) < validators + executors:
        pytest.skip(
            f"{os.cpu_count()} processors load the modules of {validators + executors} nodes one after the other"
        )
    assert containers <= MOST_TIMES * host
