"""Run directories with a journal and node logs whose times a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nomos_testing.evidence.run_record import RunRecord, read_run
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected
from nomos_testing.journal.events import ExpectationJudged, NodeExited, PhaseStarted, RunStarted
from nomos_testing.journal.journal import JOURNAL_NAME, Entry, to_line

BEGAN = datetime(2026, 1, 31, 8, 41, 30, tzinfo=UTC)
SLOT = 2.0


def moment(at: float) -> datetime:
    return BEGAN + timedelta(seconds=at)


def log_line(at: float, text: str, level: str = "INFO") -> str:
    return f"{moment(at):%Y-%m-%dT%H:%M:%S.%f}Z {level:>5} nomos_chain: {text}\n"


def journal_line(at: float, event: Any) -> str:
    return to_line(Entry(at, moment(at).isoformat(timespec="microseconds"), event))


def started() -> RunStarted:
    return RunStarted(
        run_id="demo-1",
        scenario="demo",
        deployer="local",
        seed=7,
        run_seconds=60,
        slot_seconds=SLOT,
        expected_blocks=9,
        lottery_expected_blocks=27,
        machine_factor=1,
        directory="/runs/demo-1",
    )


def stored(
    directory: Path, events: Sequence[tuple[float, Any]], logs: dict[str, str] | None = None, *, name: str = "__logs.1"
) -> RunRecord:
    (directory / JOURNAL_NAME).write_text("".join(journal_line(at, event) for at, event in events))
    for node, text in (logs or {}).items():
        (directory / node).mkdir(exist_ok=True)
        (directory / node / name).write_text(text)
    return read_run(directory)


def faulty(directory: Path) -> RunRecord:
    """A run with a fault, a failure, and logs of two nodes."""
    pause = {"number": 3, "fault": "pause validator-1"}
    return stored(
        directory,
        [
            (0, started()),
            (2, PhaseStarted("run", 60)),
            (10, FaultInjected(**pause, origin="faults", planned_at=8, late=0, seconds=0.1)),
            (14, FaultHealed(**pause, seconds=0.1)),
            (20, ExpectationBroken(expectation="no_stalls", description="no block", slot=9, active_faults=())),
            (30, ExpectationJudged(expectation="no_stalls", passed=False, message="no block")),
            (31, NodeExited(node="validator-1", status="exit code 1", expected=False)),
        ],
        {
            "validator-0": log_line(1, "begins") + log_line(12, "alone", "WARN") + log_line(21, "late"),
            "validator-1": log_line(1.5, "begins") + log_line(29, "broken", "ERROR") + "Traceback\n  a line\n",
        },
    )
