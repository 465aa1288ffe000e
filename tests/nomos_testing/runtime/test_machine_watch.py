"""The watch of the machine while a run lasts: what it reads of real processes, and where its finding is told."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.blocks.lottery_odds import LotteryOdds
from nomos_testing.journal.events import NodeControlled, NodeStarted, RunEnded, VerdictReached
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.report.console import print_summary
from nomos_testing.report.live import message_of
from nomos_testing.runtime.machine_load import MachineFellBehind, MachineReading
from nomos_testing.runtime.machine_watch import CpuMeter, MachineWatch
from nomos_testing.topology import WalletSpec
from nomos_testing.topology.timing import RunTiming
from support.fakes.fake_chain import fake_chain
from support.fakes.watched_run import WatchedRun, with_transactions
from support.processes.fake_node_processes import eventually

BEHIND = MachineFellBehind(
    seconds=6.0,
    slot_seconds=0.05,
    expected_blocks=108.0,
    blocks=44,
    machine_cpu=0.97,
    processors=2,
    nodes_cpu={"validator-0": 0.5},
    loop_delay_seconds=0.4855,
)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = Journal(tmp_path / "journal.jsonl")
    yield opened
    opened.close()


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that keeps a processor busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def started(node: str, pid: int) -> NodeStarted:
    return NodeStarted(node=node, pid=pid, program="nomos-node", url="http://a")


async def test_the_processors_that_a_node_uses_are_read_until_it_ends(
    journal: Journal, busy: subprocess.Popen[bytes]
) -> None:
    journal.write(started("validator-0", busy.pid))
    meter = CpuMeter(journal)
    used, machine = 0.0, 0.0
    with eventually("the busy process's processor time", lambda: f"{used} of {machine}") as attempts:
        for _ in attempts:
            machine, nodes = meter.used()
            used = nodes.get("validator-0", 0.0)
            if used > 0.05 and 0.0 < machine <= 1.0:
                break
    busy.kill()
    busy.wait()
    meter.used()
    assert meter.used()[1] == {}


async def test_a_node_that_starts_later_is_read_and_an_older_program_is_not(
    journal: Journal, busy: subprocess.Popen[bytes]
) -> None:
    meter = CpuMeter(journal)
    journal.write(started("validator-0", busy.pid))
    meter.used()
    assert set(meter.used()[1]) == {"validator-0"}
    journal.began += 3600.0  # as if the process were there long before the run: no node of it
    other = CpuMeter(journal)
    assert other.used()[1] == {}


def watch_of(run: WatchedRun, journal: Journal) -> MachineWatch:
    feed: Any = run.block_feed()
    return MachineWatch(feed, run.log, RunTiming(run_duration=60, slot_duration=1.0, active_slot_coeff=0.9), journal)


async def test_a_reading_tells_the_height_the_tips_age_and_the_faults(journal: Journal) -> None:
    run = WatchedRun("a")
    watch = watch_of(run, journal)
    assert watch.reading(0.0).tip_age_slots is None
    run.show("a", fake_chain(3))
    reading = watch.reading(0.25)
    assert (reading.height, reading.loop_delay_seconds, reading.faults_active) == (3, 0.25, False)
    assert reading.tip_age_slots is not None
    assert reading.tip_age_slots < 10
    run.inject()
    assert watch.reading(0.0).faults_active


async def test_it_is_said_once_while_the_run_lasts(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nomos_testing.runtime.machine_watch.fell_behind", lambda *readings, **network: BEHIND)
    watch = watch_of(WatchedRun("a"), journal)
    for _ in range(3):
        watch.take(0.0)
    events = [entry.event for entry in read_journal(journal.path)]
    assert [event for event in events if isinstance(event, MachineFellBehind)] == [BEHIND]
    assert len([event for event in events if isinstance(event, MachineReading)]) == 3
    assert message_of(BEHIND) == f"warning: {BEHIND}"


async def test_what_a_workload_does_to_a_node_counts_as_a_fault(journal: Journal) -> None:
    run = WatchedRun("a", "b")
    feed: Any = run.block_feed()
    metrics = RunTiming(run_duration=60, slot_duration=0.001, active_slot_coeff=0.9)
    watch = MachineWatch(feed, run.log, metrics, journal)
    assert not watch.reading(0.0).faults_active
    journal.write(NodeControlled("a", "pause", 0.0))
    assert watch.reading(0.0).faults_active
    journal.write(NodeControlled("a", "resume", 0.0))
    with eventually("the recovery to be over") as attempts:
        for _ in attempts:
            if not watch.reading(0.0).faults_active:
                break


@pytest.mark.parametrize(("failure", "outcome"), [(None, "passed"), (f"too low\n{BEHIND}", "failed")])
async def test_the_summary_says_it_once(journal: Journal, failure: str | None, outcome: str) -> None:
    journal.write(BEHIND)
    journal.write(VerdictReached(failure is None, failure))
    journal.write(RunEnded(outcome))
    stream = io.StringIO()
    print_summary(read_journal(journal.path), stream)
    assert stream.getvalue().count(str(BEHIND)) == 1


async def test_a_chain_whose_notes_are_spent_is_asked_for_fewer_blocks(journal: Journal) -> None:
    run = WatchedRun("a", "b", wallet=WalletSpec(total=10_000, users=100))
    feed: Any = run.block_feed()
    metrics = RunTiming(run_duration=60, slot_duration=1.0, active_slot_coeff=0.9)
    watch = MachineWatch(feed, run.log, metrics, journal, LotteryOdds.of(run.plan().topology))
    assert watch._wins() == 0.9
    run.show("a", with_transactions(fake_chain(1), {0: 1}, inputs=100))
    assert watch._wins() == pytest.approx(1 - LotteryOdds.of(run.plan().topology).empty_slot(100))
    assert watch._wins() < 0.5
