"""Causes: a node was killed, stopped or frozen, or it ended by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nomos_testing.diagnosis.causes import Cause, Confidence
from nomos_testing.diagnosis.course import Course
from nomos_testing.diagnosis.known_texts import telling_line
from nomos_testing.journal.events import NodeExited
from nomos_testing.runtime.disturbances import Disturbance

_DONE: Final = {"kill": "killed", "stop": "stopped", "pause": "frozen", "restart": "restarted"}
_KNOWN: Final = {"kill": "node-killed", "stop": "node-stopped", "pause": "node-frozen", "restart": "node-restarted"}
_OUTSIDE: Final = ("killed by SIGKILL", "killed by SIGTERM")
_SHOWN_LINES: Final = 5


def node_ends(course: Course) -> Iterator[Cause]:
    """Yield the nodes that were down at the end of the run's duration, or when a failure was noticed."""
    for disturbance in course.blamed:
        if disturbance.action in _DONE:
            yield _taken_down(course, disturbance)
    for at, exited in course.unexpected_ends:
        if not _was_full(course, exited.node, at):
            yield _ended(course, at, exited)


def _taken_down(course: Course, disturbance: Disturbance) -> Cause:
    (node,) = disturbance.nodes
    done = f"{node} was {_DONE[disturbance.action]} {course.when(disturbance.began)} {disturbance.by}"
    title = f"{done}{_undone(course, disturbance)}"
    return course.cause_of(_KNOWN[disturbance.action], title, disturbance, node=node)


def _undone(course: Course, disturbance: Disturbance) -> str:
    if disturbance.action == "restart":
        return f", and {course.effect_of(disturbance)}"
    again = "continued" if disturbance.action == "pause" else "started again"
    if disturbance.ended is None:
        return f" and not {again}"
    if disturbance in course.kept:
        return f" and not {again} before the end of the run"
    return f" and {again} {course.when(disturbance.ended)}, and {course.effect_of(disturbance)}"


def _ended(course: Course, at: float, exited: NodeExited) -> Cause:
    node, again = exited.node, course.started_again(exited.node, at)
    telling = telling_line([*reversed(exited.last_lines), exited.status], running=True)
    known = "node-ended" if telling is None else telling.known
    rest = "not started again" if again is None else f"started again {course.when(again)}"
    title, remedy = f"{node} ended by itself {course.when(at)} ({exited.status}) and was {rest}", None
    if known == "node-ended" and exited.status in _OUTSIDE:
        known, title = "node-killed", f"{node} was killed from outside the run {course.when(at)} and {rest}"
        remedy = "look for what kills it: the kernel when memory is short (dmesg), a person, or another program"
    if telling is not None and telling.line != exited.status:
        title = f"{title}: {telling.line}"
    failed = course.failure_about(node)
    return course.cause(
        known,
        title,
        _sure(down=again is None, named=failed is not None),
        remedy=remedy,
        at=at,
        failed=failed,
        node=node,
        says=exited.last_lines[-_SHOWN_LINES:],
    )


def _sure(*, down: bool, named: bool) -> Confidence:
    if down and named:
        return "certain"
    return "likely" if down or named else "possible"


def _was_full(course: Course, node: str, at: float) -> bool:
    return any(each.action == "fill disk" and node in each.nodes and each.lasts_at(at) for each in course.disturbances)
