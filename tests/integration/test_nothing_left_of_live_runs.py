"""Real nodes: however a run ends, no process, port or file of it is left within five seconds but the evidence."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from nomos_testing.journal.events import BlockSeen, NodeStarted, PhaseStarted, RunEnded
from nomos_testing.journal.journal import read_journal
from support.inputs.fault_deadlines import GONE_WITHIN, MACHINE_FACTOR
from support.processes import failing_run
from support.processes.embedded_node import wait_until
from support.processes.fake_node_processes import processes_of
from support.processes.live_network import PROGRAMS, live_environment

pytestmark = [pytest.mark.slow, pytest.mark.network]

PATIENCE = 60.0 * MACHINE_FACTOR
NEVER_A_BLOCK = """
slot: {seconds: 0.3, active_slot_coeff: 0.001}
topology: {validators: 1, executors: 1}
expectations: [consensus_liveness: {window: original}]
run_for: {slots: 3}
"""


@dataclass(slots=True)
class LiveRun:
    """A program that runs a network, alone in a directory that also is its home and holds its temporary files."""

    directory: Path
    process: subprocess.Popen[bytes]
    members: set[psutil.Process] = field(default_factory=set)
    """Every process it was seen to have, itself left out."""

    def events(self) -> list[Any]:
        return [entry.event for path in self.directory.glob("runs/*/journal.jsonl") for entry in read_journal(path)]

    def wait_for_phase(self, phase: str) -> None:
        def begun() -> bool:
            return any(isinstance(event, PhaseStarted) and event.phase == phase for event in self.events())

        wait_until(f"the phase {phase}", begun, patience=PATIENCE)
        self._take_down_members()

    def wait_for_blocks(self) -> None:
        def blocks() -> bool:
            return sum(isinstance(event, BlockSeen) for event in self.events()) >= 2

        wait_until("the second block", blocks, patience=PATIENCE)
        self._take_down_members()
        assert len(self.members) >= 4, "two nodes, the fork server and the reaper"
        assert all(not _is_free(kind, port) for kind, port in self.ports() if port in self._served())

    def ports(self) -> list[tuple[socket.SocketKind, int]]:
        """Every port that the nodes' configurations name."""
        found = []
        for path in self.directory.glob("runs/*/*/*.yaml"):
            for port in map(int, re.findall(r"127\.0\.0\.1:(\d+)", path.read_text())):
                found.append((socket.SOCK_STREAM, port))
            for port in map(int, re.findall(r"/udp/(\d+)", path.read_text())):
                found.append((socket.SOCK_DGRAM, port))
        return found

    def end(self) -> RunEnded:
        """How it ended; fails where anything is left after ``GONE_WITHIN`` seconds."""
        self.process.wait(PATIENCE)
        wait_until("the end of every process", lambda: not self._alive(), patience=GONE_WITHIN)
        ended = [event for event in self.events() if isinstance(event, RunEnded)]
        taken = [port for kind, port in self.ports() if not _is_free(kind, port)]
        assert not taken, f"ports that are still bound: {taken}"
        for place in ("tmp", "home"):
            assert not list((self.directory / place).iterdir()), f"files left in {place}"
        assert {path.name for path in self.directory.iterdir()} == {"home", "runs", "scenario.yaml", "tmp"}
        (last,) = ended
        return last

    def evidence(self) -> set[str]:
        """Names in the run's directory and in its nodes'."""
        (run,) = (self.directory / "runs").iterdir()
        return {path.name for path in (*run.iterdir(), *run.glob("*-0/*"))}

    def _take_down_members(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.members.update(psutil.Process(self.process.pid).children(recursive=True))

    def _alive(self) -> list[psutil.Process]:
        return [*(member for member in self.members if member.is_running()), *processes_of(self.directory)]

    def _served(self) -> set[int]:
        """Of the HTTP APIs."""
        return {int(event.url.rpartition(":")[2]) for event in self.events() if isinstance(event, NodeStarted)}


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:  # closed connections may linger, listeners may not
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running(directory: Path, kzg_file: Path, command: Sequence[str], **variables: str) -> Iterator[LiveRun]:
    for place in ("tmp", "home"):
        (directory / place).mkdir()
    (directory / "scenario.yaml").write_text(NEVER_A_BLOCK)
    environment = live_environment(
        HOME=str(directory / "home"),
        TMPDIR=str(directory / "tmp"),
        CONSENSUS_SLOT_TIME="0.3",
        NOMOS_KZGRS_PARAMS_PATH=str(kzg_file),
        **variables,
    )
    process = subprocess.Popen(
        [str(PROGRAMS / command[0]), *command[1:]], cwd=directory, env=environment, start_new_session=True
    )
    try:
        yield LiveRun(directory, process)
    finally:
        process.kill()
        process.wait()


def demo(directory: Path, kzg_file: Path, seconds: int = 600) -> Any:
    return running(directory, kzg_file, ["local_runner", "--runs-dir", "runs"], NOMOS_DEMO_RUN_SECS=str(seconds))


def test_after_a_passed_verdict(tmp_path: Path, kzg_file: Path) -> None:
    with demo(tmp_path, kzg_file, seconds=3) as run:
        run.wait_for_blocks()
        assert run.end().outcome == "passed"
        assert run.process.returncode == 0
    assert run.evidence() >= {"journal.jsonl", "plan.json", "validator.yaml", "executor.yaml"}
    assert not run.evidence() & {"db", "stdout.log", "fork-server.log"}, "databases and logs of a passed run go"


def test_after_a_failed_verdict(tmp_path: Path, kzg_file: Path) -> None:
    with running(tmp_path, kzg_file, ["nomos-testing", "run", "scenario.yaml", "--runs-dir", "runs"]) as run:
        run.wait_for_phase("run")
        assert run.end().outcome == "failed"
        assert run.process.returncode == 1
    assert run.evidence() > {"journal.jsonl", "plan.json", "db", "stdout.log", "stderr.log", "fork-server.log"}


def test_after_a_workload_broke_down(tmp_path: Path, kzg_file: Path) -> None:
    with running(tmp_path, kzg_file, [sys.executable, failing_run.__file__, "runs"]) as run:
        run.wait_for_phase("run")
        assert run.end().outcome == "errored"
        assert run.process.returncode == 1
    assert run.evidence() > {"journal.jsonl", "db", "stdout.log", "stderr.log"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_a_signal(tmp_path: Path, kzg_file: Path, number: signal.Signals) -> None:
    with demo(tmp_path, kzg_file) as run:
        run.wait_for_blocks()
        # A terminal sends SIGINT to all of the foreground group, SIGTERM comes to one process.
        send = os.killpg if number is signal.SIGINT else os.kill
        send(run.process.pid, number)
        assert run.end().outcome == "interrupted"
        assert run.process.returncode == 128 + number
    assert run.evidence() > {"journal.jsonl", "db", "stdout.log", "stderr.log"}


@pytest.mark.parametrize("phase", ["configure", "start", "ready"])
def test_after_a_signal_on_the_way_up(tmp_path: Path, kzg_file: Path, phase: str) -> None:
    with demo(tmp_path, kzg_file) as run:
        run.wait_for_phase(phase)
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.end().outcome == "interrupted"
        assert run.process.returncode == 128 + signal.SIGINT


@pytest.mark.parametrize("phase", ["configure", "start", "run"])
def test_after_the_runner_was_killed(tmp_path: Path, kzg_file: Path, phase: str) -> None:
    with demo(tmp_path, kzg_file) as run:
        run.wait_for_phase(phase)
        if phase == "run":
            run.wait_for_blocks()
        run.process.kill()
        assert run.end().outcome == "killed"
    assert "journal.jsonl" in run.evidence()
    assert phase != "run" or run.evidence() > {"db", "stdout.log", "stderr.log"}
