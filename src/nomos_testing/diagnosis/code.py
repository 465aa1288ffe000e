"""Causes: an error in the code of the test, or of the framework."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import Course, Failed
from nomos_testing.journal.events import ExceptionRaised
from nomos_testing.outcome import VerdictKind

_PARTS: Final = ("workload", "expectation")
_SHOWN_LINES: Final = 3


def raised_errors(course: Course) -> Iterator[Cause]:
    """Yield the errors that are no failures of the network."""
    kind = course.record.summary.kind
    if kind not in {VerdictKind.ERRORED_TEST, VerdictKind.ERRORED_FRAMEWORK}:
        return  # an assertion that does not hold is a failure, and has a traceback, too
    for entry in course.entries:
        if isinstance(entry.event, ExceptionRaised):
            yield _raised(course, entry.at, entry.event, framework=kind is VerdictKind.ERRORED_FRAMEWORK)


def _raised(course: Course, at: float, raised: ExceptionRaised, *, framework: bool) -> Cause:
    part, _, name = raised.where.partition(" ")
    known = "bug-in-framework" if framework else f"bug-in-{part}" if part in _PARTS else "bug-in-test"
    error = raised.error.split("\n", 1)[0]
    place = f" at {raised.location}" if raised.location else ""
    return course.cause(
        known,
        f"{raised.where} raised {error}{place}",
        "certain",
        at=at,
        failed=Failed(name if part in _PARTS else raised.where, error, at),
        says=tuple(raised.traceback.rstrip().splitlines()[-_SHOWN_LINES:]),
    )
