"""Causes in what a run was given (programs, parameters, wallets, permissions), known by the texts of its failures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import Course
from nomos_testing.diagnosis.known_texts import known_by, telling_line
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.journal.events import WaitEnded
from nomos_testing.outcome import VerdictKind

_REMEDY: Final = "  -> "
_QUOTED: Final = "  | "
_SHOWN_LINES: Final = 5
_BEFORE_READY: Final = " ended before it was ready: "


def environment_causes(course: Course) -> Iterator[Cause]:
    """Yield the problems that the texts of failures name."""
    if course.record.summary.kind is VerdictKind.ERRORED_FRAMEWORK:
        return
    if course.run_began is None:
        yield from _of_start(course, course.record.summary.failure or "")
        return
    for failed in course.failed:
        telling = telling_line(failed.text.splitlines(), running=True)
        if telling is not None:
            yield course.cause(telling.known, telling.line.strip("- "), "likely", at=failed.at, failed=failed)


def _of_start(course: Course, failure: str) -> Iterator[Cause]:
    """Read the text of a network that did not come up: problems with remedies, a node that ended, or a wait."""
    problems = list(_problems(failure))
    for what, remedy in problems:
        yield course.cause(known_by(what) or "preflight-problem", what, "certain", remedy=remedy)
    if _BEFORE_READY in failure:
        yield _ended_at_start(course, failure)
    elif not problems:
        yield from _other_failure(course, failure)


def _problems(failure: str) -> Iterator[tuple[str, str]]:
    lines = failure.splitlines()
    for what, remedy in pairwise(lines):
        if remedy.startswith(_REMEDY) and not what.startswith(_QUOTED):
            yield plain_text(what), plain_text(remedy.removeprefix(_REMEDY))


def _ended_at_start(course: Course, failure: str) -> Cause:
    before, _, rest = failure.partition(_BEFORE_READY)
    node = before.rsplit(maxsplit=1)[-1]
    status = rest.partition(";")[0]
    said = [line.removeprefix(_QUOTED) for line in rest.splitlines() if line.startswith(_QUOTED)]
    telling = telling_line(reversed(said), running=False) or telling_line([status], running=False)
    known, why = ("node-ended", "") if telling is None else (telling.known, f": {telling.line}")
    return course.cause(
        known,
        f"{node} ended before it was ready ({status}){why}",
        "certain",
        node=node,
        says=tuple(said[-_SHOWN_LINES:]),
    )


def _other_failure(course: Course, failure: str) -> Iterator[Cause]:
    telling = telling_line(failure.splitlines(), running=False)
    if telling is not None:
        yield course.cause(telling.known, telling.line, "certain")
        return
    waits = (entry.event for entry in course.entries if isinstance(entry.event, WaitEnded))
    given_up = next((wait for wait in waits if not wait.fulfilled), None)
    if given_up is not None:
        title = f"gave up waiting for {given_up.waited_for} after {given_up.seconds:.0f} s: {given_up.last_seen}"
        yield course.cause("not-ready-in-time", title, "certain")
    elif "timed out waiting for" in failure:
        yield course.cause("not-ready-in-time", failure.splitlines()[0], "certain")
