"""Whatever ends a run, no process and no port of it is left within five seconds, and the evidence is."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from nomos_testing.journal.events import NodeStarted, PhaseStarted, RunEnded
from nomos_testing.journal.journal import read_journal
from support.inputs.fault_deadlines import GONE_WITHIN, MACHINE_FACTOR
from support.processes.fake_node_processes import eventually, fake_environment, processes_of

pytestmark = pytest.mark.network


@contextmanager
def running(directory: Path, mode: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "support.processes.fake_node_run", str(directory), mode]
    process = subprocess.Popen(argv, env=fake_environment())
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def journal_events(directory: Path) -> list[Any]:
    return [entry.event for path in directory.glob("runs/*/journal.jsonl") for entry in read_journal(path)]


def wait_for_phase(directory: Path, phase: str) -> None:
    with eventually(f"the phase {phase}", timeout=30 * MACHINE_FACTOR) as attempts:
        for _ in attempts:
            if any(isinstance(event, PhaseStarted) and event.phase == phase for event in journal_events(directory)):
                return


def assert_nothing_is_left(directory: Path, outcome: str) -> None:
    ended: list[RunEnded] = []
    left: list[psutil.Process] = []
    with eventually("the end of the run", lambda: f"journal's end: {ended}, processes: {left}") as attempts:
        for _ in attempts:
            ended[:] = [event for event in journal_events(directory) if isinstance(event, RunEnded)]
            left[:] = processes_of(directory)
            if ended and not left:
                break
    (last,) = ended
    assert last.outcome == outcome
    for event in journal_events(directory):
        if isinstance(event, NodeStarted):
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", urlsplit(event.url).port or 0))


def test_after_success(tmp_path: Path) -> None:
    with running(tmp_path, "passing") as process:
        assert process.wait(60) == 0
    assert_nothing_is_left(tmp_path, "passed")
    assert not list(tmp_path.glob("runs/*/validator-*/db"))


def test_after_a_workload_failed(tmp_path: Path) -> None:
    with running(tmp_path, "failing") as process:
        assert process.wait(60) == 1
    assert_nothing_is_left(tmp_path, "errored")
    assert list(tmp_path.glob("runs/*/validator-*/db"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("phase", ["start", "run"])
def test_after_a_signal(tmp_path: Path, number: signal.Signals, phase: str) -> None:
    with running(tmp_path, "long") as process:
        wait_for_phase(tmp_path, phase)
        process.send_signal(number)
        assert process.wait(GONE_WITHIN) == 128 + number
    assert_nothing_is_left(tmp_path, "interrupted")


@pytest.mark.parametrize("phase", ["configure", "start", "run"])
def test_after_the_runner_was_killed(tmp_path: Path, phase: str) -> None:
    with running(tmp_path, "long") as process:
        wait_for_phase(tmp_path, phase)
        process.kill()
        process.wait()
        assert_nothing_is_left(tmp_path, "killed")
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "journal.jsonl").exists()
    if phase == "run":
        assert (run / "validator-0" / "db" / "starts").exists()
