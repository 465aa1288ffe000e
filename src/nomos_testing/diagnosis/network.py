"""Causes: links between the nodes were cut or impaired, or there were none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nomos_testing.cluster.network_events import RelayEnded
from nomos_testing.diagnosis.causes import Cause, Confidence
from nomos_testing.diagnosis.course import Course
from nomos_testing.journal.events import Sample
from nomos_testing.runtime.disturbances import Disturbance

_CUT: Final = "partition "
_LONELY_SAMPLES: Final = 3


def network_causes(course: Course) -> Iterator[Cause]:
    """Yield what was wrong between the nodes."""
    for disturbance in course.blamed:
        if disturbance.action == "network":
            yield _impaired(course, disturbance)
    yield from _relay_ended(course)
    yield from _lonely_nodes(course)


def _impaired(course: Course, disturbance: Disturbance) -> Cause:
    cut = disturbance.what.startswith(_CUT)
    shown = disturbance.what.removeprefix(_CUT) if cut else disturbance.what
    verb = "the links were cut" if cut else "links were impaired"
    undone = "not healed" if disturbance.ended is None else "not healed before the end of the run"
    if disturbance.ended is not None and disturbance not in course.kept:
        undone = f"healed {course.when(disturbance.ended)}; {course.effect_of(disturbance)}"
    title = f"{verb} ({shown}) {course.when(disturbance.began)} {disturbance.by}, and {undone}"
    return course.cause_of("partition-kept" if cut else "links-impaired", title, disturbance)


def _relay_ended(course: Course) -> Iterator[Cause]:
    for entry in course.entries:
        if isinstance(entry.event, RelayEnded):
            title = f"the relay between the nodes ended {course.when(entry.at)}: {entry.event.reason}"
            yield course.cause("relay-ended", title, "certain", at=entry.at)
            return


def _lonely_nodes(course: Course) -> Iterator[Cause]:
    """Find the nodes that answer and have no peers at the end of the run, beside nodes that have some."""
    if course.run_began is None:
        return
    samples = [
        e for e in course.entries if isinstance(e.event, Sample) and course.run_began <= e.at <= course.run_ended
    ]
    last = [entry.event for entry in samples[-_LONELY_SAMPLES:]]
    if len(last) < _LONELY_SAMPLES:
        return
    lonely = {name for name in last[-1].nodes if all(name in s.nodes and s.nodes[name].peers == 0 for s in last)}
    if not lonely or lonely == set(last[-1].nodes):
        return
    disturbed = {node for each in course.blamed for node in each.nodes}
    for node in sorted(lonely - disturbed):
        with_peers = (e.at for e in reversed(samples) if node in e.event.nodes and e.event.nodes[node].peers)
        at = next(with_peers, course.run_began)
        title = f"{node} had no peers {course.since(at)}, while other nodes have some"
        failed = course.failure_about(node)
        sure: Confidence = "likely" if failed is not None else "possible"
        yield course.cause("node-isolated", title, sure, at=at, failed=failed, node=node)
