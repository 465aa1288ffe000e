"""Causes: an error in the code of the test, or of the framework."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import Course, Failed
from nomos_testing.journal.events import ExceptionRaised
from nomos_testing.outcome import VerdictKind

_OF_THE_TEST: Final = ("workload ", "expectation ")
_SHOWN_FRAMES: Final = 6


def raised_errors(course: Course) -> Iterator[Cause]:
    """Yield the errors that are no failures of the network."""
    kind = course.record.summary.kind
    for entry in course.entries:
        if isinstance(entry.event, ExceptionRaised):
            framework = kind is VerdictKind.ERRORED_FRAMEWORK or not entry.event.where.startswith(_OF_THE_TEST)
            yield _raised(course, entry.at, entry.event, framework=framework)


def _raised(course: Course, at: float, raised: ExceptionRaised, *, framework: bool) -> Cause:
    part, _, name = raised.where.partition(" ")
    error = raised.error.split("\n", 1)[0]
    place = f" at {raised.location}" if raised.location else ""
    known = "bug-in-framework" if framework else f"bug-in-{part}"
    return course.cause(
        known,
        f"{raised.where} raised {error}{place}",
        "report it with this run directory"
        if framework
        else f"correct the code of the {part}; if it means to fail the run, let it raise Failure",
        "certain",
        at=at,
        failed=Failed(raised.where if framework else name, error, at),
        says=tuple(raised.traceback.rstrip().splitlines()[-_SHOWN_FRAMES:]),
    )
