"""Causes: the machine, a node's disk, a node's clock, or one node that is slower than the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.course import Course, Disturbance
from nomos_testing.journal.events import NodeSample, Sample
from nomos_testing.outcome import VerdictKind
from nomos_testing.runtime.machine_load import MachineFellBehind

_FROZEN_SHARE: Final = 0.2
"""Share of the run for which a slow node was frozen."""
_SILENT_SHARE: Final = 0.2
"""Share of its samples in which a slow node did not answer."""
_FEWEST_SAMPLES: Final = 5
_LAG_BLOCKS: Final = 3
_LAG_SLOTS: Final = 8
"""A slow node was so many blocks behind for so many slots."""
_LAST_SAMPLES: Final = 3


def machine_causes(course: Course) -> Iterator[Cause]:
    """Yield what was wrong with the machine or with what one node had of it."""
    yield from _overloaded(course)
    for disturbance in course.kept:
        if disturbance.action == "clock":
            yield _skewed(course, disturbance)
    for disturbance in course.disturbances:
        if disturbance.action == "fill disk" and _hurt(course, disturbance):
            yield _full(course, disturbance)
    often = list(_often_frozen(course))
    yield from often
    yield from _slow_nodes(course, {cause.node for cause in often})


def _overloaded(course: Course) -> Iterator[Cause]:
    found = [entry for entry in course.entries if isinstance(entry.event, MachineFellBehind)]
    slow = course.record.summary.kind is VerdictKind.SLOW
    if not found and not slow:
        return
    figures = str(found[0].event) if found else (course.record.summary.failure or "").rpartition("\n")[2]
    # The finding looks back: what it describes began before it was written.
    at = found[0].at - found[0].event.seconds if found else course.run_began
    yield course.cause("machine-overloaded", figures, "certain" if slow else "likely", at=at)


def _skewed(course: Course, disturbance: Disturbance) -> Cause:
    (node,) = disturbance.nodes
    offset = disturbance.what.removeprefix("put the clock ").removesuffix(" off")
    failed = course.failure_about(node)
    return course.cause(
        "clock-skewed",
        f"the clock of {node} was {offset} off from {course.when(disturbance.began).removeprefix('at ')} on, "
        f"{disturbance.by}",
        "certain" if failed is not None else "likely",
        at=disturbance.began,
        failed=failed,
        node=node,
        done_to_it=disturbance.described,
    )


def _hurt(course: Course, full: Disturbance) -> bool:
    """Return whether a full disk lasted to the end of the run, or ended its node."""
    return full in course.kept or _end_while(course, full) is not None


def _end_while(course: Course, full: Disturbance) -> float | None:
    ends = (at for at, exited in course.unexpected_ends if exited.node in full.nodes and full.lasts_at(at))
    return next(ends, None)


def _full(course: Course, full: Disturbance) -> Cause:
    (node,) = full.nodes
    ended, failed = _end_while(course, full), course.failure_about(node)
    then = "" if ended is None else f", and {node} ended {course.when(ended)}"
    return course.cause(
        "disk-full",
        f"the disk of {node} was full from {course.when(full.began).removeprefix('at ')} on, {full.by}{then}",
        "certain" if failed is not None or ended is not None else "likely",
        at=full.began,
        failed=failed,
        node=node,
        done_to_it=full.described,
        says=course.log_about(node, "disk-full", full.began),
    )


def _often_frozen(course: Course) -> Iterator[Cause]:
    """Find the nodes that were frozen again and again: the share of the run counts, not the single time."""
    frozen: dict[str, list[Disturbance]] = {}
    for each in course.disturbances:
        if each.action == "pause" and each not in course.kept:
            frozen.setdefault(each.nodes[0], []).append(each)
    if course.run_began is None:
        return
    length = course.run_ended - course.run_began
    for node, times in frozen.items():
        total = sum((each.ended or each.began) - each.began for each in times)
        failed = course.failure_about(node)
        if total < _FROZEN_SHARE * length or failed is None:
            continue
        count = "once" if len(times) == 1 else f"{len(times)} times"
        yield course.cause(
            "node-slow",
            f"{node} was frozen {count}, {total:.1f} s in all, from {course.when(times[0].began).removeprefix('at ')} "
            f"on, {times[0].by}",
            "likely",
            at=times[0].began,
            failed=failed,
            node=node,
            done_to_it=times[0].described,
        )


def _slow_nodes(course: Course, explained: set[str | None]) -> Iterator[Cause]:
    """Find the nodes that were silent or behind without anything done to them, while another node was not."""
    samples = [(e.at, e.event) for e in course.entries if isinstance(e.event, Sample) and course.in_run(e.at)]
    names = sorted({name for _, sample in samples for name in sample.nodes})
    done = {node for each in course.disturbances for node in each.nodes if each in course.kept}
    ended = {exited.node for _, exited in course.unexpected_ends}
    troubles = {name: _Trouble.of(course, name, samples) for name in names}
    if all(trouble is not None for trouble in troubles.values()):
        return  # all of them: that is the machine, or the network as a whole
    for name, trouble in troubles.items():
        if trouble is None or name in explained | done | ended:
            continue
        failed = course.failure_about(name)
        yield course.cause(
            trouble.known,
            f"{name} {trouble.text}",
            "likely" if failed is not None else "possible",
            at=trouble.at,
            failed=failed,
            node=name,
        )


class _Trouble:
    """A node that answers late or is behind."""

    def __init__(self, known: str, text: str, at: float) -> None:
        self.known, self.text, self.at = known, text, at

    @classmethod
    def of(cls, course: Course, name: str, samples: Sequence[tuple[float, Sample]]) -> _Trouble | None:
        """Look at the samples of a node; None if it answers and keeps up."""
        own = [(at, sample.nodes[name], sample.height) for at, sample in samples if name in sample.nodes]
        if len(own) < _FEWEST_SAMPLES:
            return None
        silent = [at for at, node, _ in own if node.error is not None and not course.disturbed(name, at)]
        lasts = all(_is_silent(node) for _, node, _ in own[-_LAST_SAMPLES:])
        if silent and lasts:
            since = _since_last(own)
            return cls("node-silent", f"has not answered since {course.when(since).removeprefix('at ')}", since)
        if len(silent) >= _SILENT_SHARE * len(own):
            text = f"did not answer in time in {len(silent)} of {len(own)} samples, first {course.when(silent[0])}"
            return cls("node-slow", text, silent[0])
        return cls._behind(course, name, own)

    @classmethod
    def _behind(cls, course: Course, name: str, own: Sequence[tuple[float, NodeSample, int | None]]) -> _Trouble | None:
        since: float | None = None
        for at, node, highest in own:
            lag = None if node.height is None or highest is None else highest - node.height
            if lag is None or lag < _LAG_BLOCKS or course.disturbed(name, at):
                since = None
                continue
            since = at if since is None else since
            if course.slot_seconds and at - since >= _LAG_SLOTS * course.slot_seconds:
                text = f"has been {_LAG_BLOCKS} blocks or more behind the highest node since {course.when(since)}"
                return cls("node-slow", text.replace("since at ", "since "), since)
        return None


def _is_silent(sample: NodeSample) -> bool:
    return sample.error is not None


def _since_last(own: Sequence[tuple[float, NodeSample, int | None]]) -> float:
    """Return the first of the samples without an answer that last to the end."""
    since = own[-1][0]
    for at, node, _ in reversed(own):
        if not _is_silent(node):
            break
        since = at
    return since
