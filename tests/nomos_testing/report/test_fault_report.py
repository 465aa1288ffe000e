"""What is told of faults: while they come and go, and in the table at the end."""

from __future__ import annotations

import io
from typing import Any

import pytest

from nomos_testing.evidence.summary import summarise
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import (
    FaultHealed,
    FaultInjected,
    FaultLeftOut,
    FaultRecovered,
    FaultsPlanned,
    HealVerified,
)
from nomos_testing.journal.events import Reorganised, RunStarted
from nomos_testing.journal.journal import Entry
from nomos_testing.report.console import print_summary
from nomos_testing.report.live import message_of

STARTED = RunStarted(
    run_id="faulty-1",
    scenario="faulty",
    deployer="local",
    seed=7,
    run_seconds=60.0,
    slot_seconds=2.0,
    expected_blocks=27,
    lottery_expected_blocks=27.0,
    machine_factor=1.0,
    directory="/runs/faulty-1",
)


def injected(number: int, fault: str, *, at: float = 8.0) -> FaultInjected:
    return FaultInjected(number=number, fault=fault, origin="faults", planned_at=at, late=0.02, seconds=0.004)


def reorganised(abandoned: int) -> Reorganised:
    return Reorganised(node="b", old_tip="x", new_tip="y", common_ancestor="z", abandoned=abandoned, adopted=9)


def a_faulty_run() -> list[tuple[float, Any]]:
    return [
        (0.0, STARTED),
        (9.0, reorganised(4)),
        (10.0, injected(1, "partition a | b")),
        (30.0, FaultHealed(number=1, fault="partition a | b", seconds=0.002)),
        (31.0, HealVerified(number=1, verified=True, seconds=1.0)),
        (32.0, reorganised(7)),
        (33.0, reorganised(3)),
        (34.0, FaultRecovered(number=1, fault="partition a | b", seconds=4.0, slots=2.0, overlapped=False)),
        (39.0, reorganised(9)),
        (40.0, injected(2, "kill a", at=38.0)),
        (44.0, FaultHealed(number=2, fault="kill a", seconds=0.4)),
        (45.0, injected(3, "pause b", at=43.0)),
        (46.0, FaultRecovered(number=2, fault="kill a", seconds=2.0, slots=1.0, overlapped=True)),
    ]


def entries(events: list[tuple[float, Any]]) -> list[Entry]:
    return [Entry(at, "2026-11-24T00:00:00+00:00", event) for at, event in events]


def test_each_fault_has_a_row_with_its_recovery_and_the_deepest_reorganisation() -> None:
    partition, kill, pause = summarise(entries(a_faulty_run())).faults
    assert (partition.injected_at, partition.took_effect, partition.verified) == (8.02, 0.004, True)
    assert (partition.recovered_slots, partition.deepest_reorganisation) == (2.0, 7)
    assert (kill.recovered_slots, kill.overlapped, kill.deepest_reorganisation) == (1.0, True, 0)
    assert (pause.healed, pause.recovered_slots) == (None, None)


def test_the_table_is_printed() -> None:
    stream = io.StringIO()
    print_summary(entries(a_faulty_run()), stream)
    rows = [line.split("  ") for line in stream.getvalue().splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["fault", "at", "lasted", "took effect", "recovered", "deepest reorg"] in cells
    assert ["1: partition a | b", "8.0 s (slot 4)", "20.0 s", "4 ms", "2 slots", "7 blocks"] in cells
    assert ["2: kill a", "38.0 s (slot 19)", "4.0 s", "4 ms", "1 slots (beside others)", "-"] in cells
    assert ["3: pause b", "43.0 s (slot 22)", "not healed", "4 ms", "no", "-"] in cells


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (FaultsPlanned(({"number": 1},), ("   1  at     8.00 s",)), "1 fault planned:\n   1  at     8.00 s"),
        (injected(1, "kill a"), "fault 1: kill a"),
        (FaultHealed(number=1, fault="kill a", seconds=0.4), "fault 1 healed: kill a"),
        (
            FaultLeftOut(number=1, fault="kill a", planned_at=9.9),
            "fault 1 left out, the run was over before it began: kill a",
        ),
        (
            FaultRecovered(number=1, fault="kill a", seconds=4.0, slots=2.0, overlapped=False),
            "recovered from fault 1 after 2 slots",
        ),
        (
            ExpectationBroken(expectation="no_stalls", description="b stands still", slot=3.0, active_faults=()),
            "no_stalls does not hold: b stands still",
        ),
        (HealVerified(number=1, verified=True, seconds=0.1), None),
    ],
)
def test_what_is_told_while_the_run_lasts(event: Any, message: str | None) -> None:
    assert message_of(event) == message
