"""Run directories with a journal that a test writes event by event, at times that it chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nomos_testing.evidence.run_record import RunRecord, read_run
from nomos_testing.journal.events import (
    ExpectationJudged,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    RunStarted,
    VerdictReached,
)
from nomos_testing.journal.journal import JOURNAL_NAME, Journal
from nomos_testing.outcome import VerdictKind

RUN_BEGAN = 2.0
"""When the workloads begin, in seconds of the journal."""
SLOT_SECONDS = 0.5
RUN_SECONDS = 30.0


def at_slot(slot: float) -> float:
    """Return the journal's time of a slot."""
    return RUN_BEGAN + slot * SLOT_SECONDS


def written_run(directory: Path, events: Sequence[tuple[float, Any]]) -> RunRecord:
    """Write the events, each at its time, and read the run back."""
    directory.mkdir(parents=True, exist_ok=True)
    ordered = sorted(events, key=lambda item: item[0])
    times = iter([0.0, *(at for at, _ in ordered)])  # the journal looks once at its opening, and once for each event
    journal = Journal(directory / JOURNAL_NAME, clock=lambda: next(times))
    for _, event in ordered:
        journal.write(event)
    journal.close()
    return read_run(directory)


def started(directory: Path) -> RunStarted:
    """Return the first event of a run."""
    return RunStarted(
        run_id=directory.name,
        scenario="written",
        deployer="local",
        seed=7,
        run_seconds=RUN_SECONDS,
        slot_seconds=SLOT_SECONDS,
        expected_blocks=54,
        lottery_expected_blocks=54.0,
        machine_factor=1.0,
        directory=str(directory),
    )


def judged_run(
    directory: Path,
    events: Sequence[tuple[float, Any]],
    judgements: Sequence[ExpectationJudged] = (),
    *,
    kind: VerdictKind = VerdictKind.FAILED,
    failure: str | None = None,
) -> RunRecord:
    """Write a run with all its phases around the events, and a verdict."""
    ended = RUN_BEGAN + RUN_SECONDS
    failed = [judged for judged in judgements if not judged.passed]
    text = failure or "expectations failed:\n" + "\n".join(f"{each.expectation}: {each.message}" for each in failed)
    passed = kind is VerdictKind.PASSED
    errored = kind in {VerdictKind.ERRORED_TEST, VerdictKind.ERRORED_FRAMEWORK}
    outcome = "passed" if passed else "errored" if errored else "failed"
    frame: list[tuple[float, Any]] = [
        (0.0, started(directory)),
        (RUN_BEGAN, PhaseStarted("run", RUN_SECONDS)),
        (ended, PhaseEnded("run", RUN_SECONDS)),
        *((ended + 1, judged) for judged in judgements),
        (ended + 2, VerdictReached(passed, None if passed else text, errored, kind)),
        (ended + 2, PhaseStarted("teardown")),
        (ended + 3, RunEnded(outcome, None, None if passed else str(directory))),
    ]
    return written_run(directory, [*frame[:2], *events, *frame[2:]])


def failed_expectation(name: str, message: str, *, evidence: Sequence[str] = ()) -> ExpectationJudged:
    """Return the judgement of an expectation that does not hold."""
    return ExpectationJudged(expectation=name, passed=False, message=message, evidence=tuple(evidence))
