"""However a run on a cluster ends, nothing of it is left there or here; an API server that is away stops no run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nomos_testing.journal.events import BlockSeen, Notice, RunEnded
from nomos_testing.journal.journal import read_journal
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.processes.embedded_node import wait_until
from support.processes.kubernetes_cluster import require_cluster
from support.processes.live_cluster import cluster_environment, leftovers, namespaces_of_runs
from support.processes.live_network import PROGRAMS

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(900)]

MARK = "RUN_UNDER_TEST"
"""Environment variable that marks the processes of a run."""
PATIENCE = 120.0 * MACHINE_FACTOR
GONE_WITHIN = 15.0 * MACHINE_FACTOR
GONE_AFTER_A_RESTART_WITHIN = 60.0 * MACHINE_FACTOR
AWAY_SECONDS = 20.0
SCENARIO = """
slot: {seconds: 0.5}
topology: {validators: 2}
network_control: true
workloads: [transactions: {rate: 1}]
wallets: 10
expectations: [consensus_liveness: {}]
run_for: {seconds: SECONDS}
"""


class LiveRun:
    """A program that runs a network on the cluster, alone in a directory."""

    def __init__(self, directory: Path, *, seconds: float = 60.0, text: str = SCENARIO) -> None:
        self.directory = directory
        (directory / "scenario.yaml").write_text(text.replace("SECONDS", f"{seconds:g}"))
        self.log = directory / "output.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [PROGRAMS / "nomos-testing", "run", "scenario.yaml", "--on", "k8s", "--runs-dir", "runs"],
                cwd=directory,
                env=cluster_environment(**{MARK: str(directory)}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def events(self) -> list[Any]:
        return [entry.event for path in self.directory.glob("runs/*/journal.jsonl") for entry in read_journal(path)]

    def seen(self, what: str, happened: Callable[[Any], bool]) -> None:
        """Wait for an event; fails at once if the run ends before it."""

        def looked() -> bool:
            assert self.process.poll() is None, self.output
            return any(map(happened, self.events()))

        wait_until(what, looked, patience=PATIENCE)

    def has_blocks(self) -> None:
        self.seen("a block of the run", lambda event: isinstance(event, BlockSeen))

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def left(self) -> list[str]:
        """What is left of it: namespaces of the cluster, processes of this machine."""
        processes = (f"process {process.info['pid']}: {process.info['cmdline']}" for process in self.members())
        return [*(f"namespace {name}" for name in namespaces_of_runs(self.directory)), *processes]

    def members(self) -> list[psutil.Process]:
        """The processes that have its mark in their environment."""
        every = psutil.process_iter(["pid", "cmdline", "environ"])
        return [process for process in every if (process.info["environ"] or {}).get(MARK) == str(self.directory)]

    def nothing_left(self, within: float = GONE_WITHIN) -> None:
        wait_until(f"nothing to be left of {self.directory.name}", lambda: not self.left(), patience=within)


@pytest.fixture
def live_run(tmp_path: Path) -> Iterator[Callable[..., LiveRun]]:
    runs: list[LiveRun] = []

    def start(**options: Any) -> LiveRun:
        runs.append(LiveRun(tmp_path, **options))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGINT)
            run.process.wait(PATIENCE)


def outcome(run: LiveRun) -> str:
    """How the journal says that the run ended."""
    return next(event.outcome for event in reversed(run.events()) if isinstance(event, RunEnded))


def test_nothing_is_left_after_success(live_run: Callable[..., LiveRun]) -> None:
    run = live_run(seconds=4)
    assert run.process.wait(PATIENCE) == 0, run.output
    assert run.left() == []
    assert leftovers(run.directory) == []


def test_nothing_is_left_after_ctrl_c(live_run: Callable[..., LiveRun]) -> None:
    run = live_run()
    run.has_blocks()
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(PATIENCE) == 128 + signal.SIGINT, run.output
    assert run.left() == []
    assert list(run.directory.glob("runs/*/validator-0/pod.log")), "the evidence stays"


@pytest.mark.parametrize("moment", [0.4, 2.0])
def test_nothing_is_left_after_kill_9_while_it_comes_up(live_run: Callable[..., LiveRun], moment: float) -> None:
    run = live_run()
    wait_until("the run's directory", lambda: any(run.directory.glob("runs/*/journal.jsonl")), patience=PATIENCE)
    _killed_after(run, moment)
    run.nothing_left()
    assert outcome(run) == "killed"


def test_nothing_is_left_after_kill_9_while_it_runs(live_run: Callable[..., LiveRun]) -> None:
    run = live_run()
    run.has_blocks()
    _killed_after(run, 0.0)
    run.nothing_left()


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(20))
def test_nothing_is_left_after_kill_9_at_a_random_instant(live_run: Callable[..., LiveRun], number: int) -> None:
    run = live_run(seconds=8)
    _killed_after(run, random.Random(number).uniform(0.5, 20.0))
    run.nothing_left()


def test_the_reaper_waits_for_an_api_server_that_restarts(live_run: Callable[..., LiveRun]) -> None:
    run = live_run()
    run.has_blocks()
    with require_cluster().without_api_server():
        _killed_after(run, 0.0)
        wait_until("the reaper to have begun", lambda: bool(run.members()), patience=PATIENCE)
    run.nothing_left(GONE_AFTER_A_RESTART_WITHIN)


def test_a_run_goes_on_while_the_api_server_is_away(live_run: Callable[..., LiveRun]) -> None:
    run = live_run(seconds=AWAY_SECONDS + 15)
    run.has_blocks()
    with require_cluster().without_api_server():
        began = time.monotonic()
        run.seen("the notice", lambda event: isinstance(event, Notice) and "API server does not answer" in event.text)
        blocks = sum(isinstance(event, BlockSeen) for event in run.events())

        def grown() -> bool:
            return sum(isinstance(event, BlockSeen) for event in run.events()) > blocks + 3

        wait_until("blocks without an API server", grown, patience=PATIENCE)
        wait_until("20 seconds", lambda: time.monotonic() - began > AWAY_SECONDS, patience=2 * AWAY_SECONDS)
    assert run.process.wait(PATIENCE) == 0, run.output
    assert any(isinstance(event, Notice) and "answers again" in event.text for event in run.events())
    assert outcome(run) == "passed"
    assert run.left() == []


def _killed_after(run: LiveRun, seconds: float) -> None:
    try:
        run.process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()
