"""Causes: one node was slower than the others, or silent, and nothing in the journal was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nomos_testing.diagnosis.causes import Cause, Confidence
from nomos_testing.diagnosis.course import Course
from nomos_testing.journal.events import Sample, TipChanged
from nomos_testing.runtime.disturbances import Disturbance

_TROUBLED_SHARE: Final = 0.2
"""Share of the time for which a slow node was frozen, silent or behind."""
_BEHIND_BLOCKS: Final = 2
_TIMES_THE_OTHERS: Final = 2.0
"""A slow node has so many times more trouble than the next one. Else all of them are slow."""
_LAST_SAMPLES: Final = 3
"""A node that did not answer in any of the last samples is silent."""


@dataclass(slots=True)
class _Watched:
    """One node, from the start of the workloads to the end of the network."""

    height: int = 0
    silent: bool = False
    silent_samples: int = 0
    """The last samples in a row without an answer."""
    silent_since: float = 0.0
    troubled: float = 0.0
    """Seconds for which it was silent or behind."""
    first: float | None = None
    """The start of the first trouble."""

    def take_sample(self, at: float, height: int | None, *, answered: bool) -> None:
        """Take the state of the node in a sample."""
        self.height = self.height if height is None else height
        if not answered and not self.silent:
            self.silent_since = at
        self.silent, self.silent_samples = not answered, 0 if answered else self.silent_samples + 1


def slow_nodes(course: Course) -> Iterator[Cause]:
    """Yield the node that was slow or silent while the others were not."""
    often = list(_often_frozen(course))
    yield from often
    if often or course.run_began is None:
        return
    watched, seconds = _watched(course, course.run_began)
    if len(watched) < 2 or seconds <= 0:
        return
    (slowest, node), (_, next_one) = sorted(watched.items(), key=lambda item: -item[1].troubled)[:2]
    if node.first is None or node.troubled < _TROUBLED_SHARE * seconds or _has_another_reason(course, slowest):
        return
    if node.troubled < _TIMES_THE_OTHERS * next_one.troubled:
        return  # that is the machine, or the network as a whole
    failed = course.failure_about(slowest)
    since = node.silent_since if node.silent_samples >= _LAST_SAMPLES else node.first
    share = f"{node.troubled / seconds:.0%} of the time"
    known, title = (
        "node-slow",
        f"{slowest} was slow: for {share} it did not answer or was {_BEHIND_BLOCKS} blocks or more behind, first "
        f"{course.when(since)}, with nothing done to it",
    )
    if node.silent_samples >= _LAST_SAMPLES:
        known, title = "node-silent", f"{slowest} has not answered {course.since(since)}, and its process had not ended"
    # With something done to the network up to its end, other nodes may be slow because of it.
    sure: Confidence = "likely" if failed is not None and not course.kept else "possible"
    yield course.cause(known, title, sure, at=since, failed=failed, node=slowest)


def _often_frozen(course: Course) -> Iterator[Cause]:
    """Find the nodes that were frozen again and again: the share of the run counts, not the single time."""
    frozen: dict[str, list[Disturbance]] = {}
    for each in course.disturbances:
        if each.action == "pause" and each not in course.kept:
            frozen.setdefault(each.nodes[0], []).append(each)
    if course.run_began is None:
        return
    for node, times in frozen.items():
        total = sum((each.ended or each.began) - each.began for each in times)
        failed = course.failure_about(node)
        if total < _TROUBLED_SHARE * (course.run_ended - course.run_began) or failed is None:
            continue
        count = "once" if len(times) == 1 else f"{len(times)} times"
        yield course.cause(
            "node-slow",
            f"{node} was frozen {count}, {total:.1f} s in all, {course.since(times[0].began)}, {times[0].by}",
            "likely",
            at=times[0].began,
            failed=failed,
            node=node,
            done_to_it=times[0].described,
        )


def _watched(course: Course, began: float) -> tuple[dict[str, _Watched], float]:
    """Follow all nodes by samples and tips. Return them, and the seconds for which they were followed."""
    nodes: dict[str, _Watched] = {}
    last = began
    for entry in course.entries:
        if not began <= entry.at <= course.teardown_began or not isinstance(entry.event, Sample | TipChanged):
            continue
        _count_trouble(nodes, last, entry.at)
        last = entry.at
        if isinstance(entry.event, TipChanged):
            nodes.setdefault(entry.event.node, _Watched()).height = entry.event.height
            continue
        for name, sample in entry.event.nodes.items():
            nodes.setdefault(name, _Watched()).take_sample(entry.at, sample.height, answered=sample.error is None)
    return nodes, last - began


def _count_trouble(nodes: dict[str, _Watched], since: float, until: float) -> None:
    highest = max((node.height for node in nodes.values()), default=0)
    for node in nodes.values():
        behind = highest - node.height >= _BEHIND_BLOCKS
        if behind or node.silent:
            node.troubled += until - since
            node.first = since if node.first is None else node.first


def _has_another_reason(course: Course, node: str) -> bool:
    """Return whether the node ended, or something was done to it: catching up takes time, too."""
    ended = (exited.node == node for _, exited in course.unexpected_ends)
    return any(ended) or any(node in each.nodes for each in course.disturbances)
