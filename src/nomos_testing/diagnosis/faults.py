"""Causes: a fault could not be injected or undone, or the network did not recover from it; or the run was too short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import RECOVERY, Course

_TEXTS: Final = (
    ("fault-not-injected", "could not be injected: "),
    ("heal-failed", "could not be healed: "),
    ("heal-failed", " was healed, but: "),
    ("heal-failed", "healing failed: "),
)
_GROWTH: Final = frozenset({"consensus_liveness", "validator_heights"})
_FEW_BLOCKS: Final = 10
"""With fewer blocks expected, the lottery alone lets a healthy network fail now and then."""


def fault_causes(course: Course) -> Iterator[Cause]:
    """Yield what was wrong with the injection of faults and the recovery from them."""
    yield from _failed_controls(course)
    yield from _not_recovered(course)


def short_runs(course: Course) -> Iterator[Cause]:
    """Yield the length of a run in which few blocks were to be expected, if too few is what failed."""
    started = course.record.summary.started
    failed = next((each for each in course.failed if each.name in _GROWTH), None)
    if started is None or failed is None or started.lottery_expected_blocks >= _FEW_BLOCKS:
        return
    yield course.cause(
        "run-too-short",
        f"in the run's {started.run_seconds:g} s the lottery gives {started.lottery_expected_blocks:.1f} blocks on "
        "average: a healthy network has too few by chance",
        "possible",
        failed=failed,
    )


def _failed_controls(course: Course) -> Iterator[Cause]:
    failure = course.record.summary.failure or ""
    for line in failure.splitlines():
        known = next((known for known, text in _TEXTS if text in line), None)
        if known is not None:
            yield course.cause(known, line, "certain", at=course.failed_since)
            return


def _not_recovered(course: Course) -> Iterator[Cause]:
    failed = next((each for each in course.failed if each.name == RECOVERY), None)
    if failed is None:
        return
    for fault in course.record.summary.faults:
        if fault.healed is not None and fault.healed < course.run_ended and fault.recovered_slots is None:
            yield course.cause(
                "fault-not-recovered",
                f"the network did not recover from fault {fault.number} ({fault.fault}), "
                f"which was healed {course.when(fault.healed)}",
                "certain" if str(fault.fault) in failed.text else "likely",
                at=fault.began,
                failed=failed,
                done_to_it=f"fault {fault.number}: {fault.fault}",
            )
