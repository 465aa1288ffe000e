"""Causes: the machine, a node's disk, or a node's clock."""

from __future__ import annotations

from collections.abc import Iterator

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import Course
from nomos_testing.outcome import VerdictKind
from nomos_testing.runtime.disturbances import Disturbance
from nomos_testing.runtime.machine_load import MachineFellBehind


def machine_causes(course: Course) -> Iterator[Cause]:
    """Yield what was wrong with the machine or with what one node had of it."""
    yield from _overloaded(course)
    for disturbance in course.blamed:
        if disturbance.action == "clock":
            yield _skewed(course, disturbance)
    for disturbance in course.disturbances:
        if disturbance.action == "fill disk" and _hurt(course, disturbance):
            yield _full(course, disturbance)


def _overloaded(course: Course) -> Iterator[Cause]:
    found = [entry for entry in course.entries if isinstance(entry.event, MachineFellBehind)]
    slow = course.record.summary.kind is VerdictKind.SLOW
    if not found and not slow:
        return
    figures = str(found[0].event) if found else (course.record.summary.failure or "").rpartition("\n")[2]
    # The finding looks back: what it describes began before it was written.
    at = found[0].at - found[0].event.seconds if found else course.run_began
    alone = not course.kept  # what was done to the network may be why there were few blocks
    yield course.cause("machine-overloaded", figures, "certain" if slow and alone else "likely", at=at)


def _skewed(course: Course, disturbance: Disturbance) -> Cause:
    (node,) = disturbance.nodes
    offset = disturbance.what.removeprefix("put the clock ").removesuffix(" off")
    title = f"the clock of {node} was {offset} off {course.since(disturbance.began)}, {disturbance.by}"
    return course.cause_of("clock-skewed", title, disturbance, node=node)


def _hurt(course: Course, full: Disturbance) -> bool:
    """Return whether a full disk ended its node for good, lasted to the end of the run, or was there at a failure."""
    ended = _end_while(course, full)
    return full in course.blamed or (ended is not None and course.started_again(full.nodes[0], ended) is None)


def _end_while(course: Course, full: Disturbance) -> float | None:
    ends = (at for at, exited in course.unexpected_ends if exited.node in full.nodes and full.lasts_at(at))
    return next(ends, None)


def _full(course: Course, full: Disturbance) -> Cause:
    (node,) = full.nodes
    ended = _end_while(course, full)
    then = "" if ended is None else f", and {node} ended {course.when(ended)}"
    title = f"the disk of {node} was full {course.since(full.began)}, {full.by}{then}"
    says = course.log_about(node, "disk-full", full.began)
    return course.cause_of("disk-full", title, full, node=node, says=says)
