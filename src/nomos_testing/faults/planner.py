"""Makes the plan of faults from a schedule and a seed. The same seed gives the same plan on every machine.

The planner first places faults whose targets are named, then those whose targets it draws, then the random ones. So a
random fault never takes the place of a fixed one. No two faults of a plan exclude each other, and every fault is healed
before the run ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from nomos_testing.faults.durations import Span
from nomos_testing.faults.errors import FaultPlanError, FieldPath, dotted
from nomos_testing.faults.fault import Fault
from nomos_testing.faults.plan import FaultPlan, PlannedFault, rounded
from nomos_testing.faults.schedule import At, During, Entry, Every, Randomly, RandomRestarts, SpanRange
from nomos_testing.faults.vocabulary import Restart

_MOST_FAULTS = 10_000
_SHORTEST = 0.001
"""Seconds. The shortest length of a fault, because plans have a resolution of a millisecond."""
LAST_MOMENT = 0.1
"""Seconds at the end of a run in which no random fault begins, because it could begin after the end."""
_ROUNDING = 1e-6
"""Seconds of tolerance for floating point: 6 slots of 0.7 s are a little less than the 4.2 s of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An entry with the workload that injects it and the field of the scenario it comes from."""

    entry: Entry
    origin: str
    path: FieldPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The limits of a plan: nodes, duration, slots and seed."""

    nodes: tuple[str, ...]
    run_seconds: float
    slot_seconds: float
    seed: int

    def rng(self, path: FieldPath) -> Random:
        """Make a generator for one entry. A new entry in a schedule does not change the others."""
        return Random(f"{self.seed}/{dotted(path)}")


@dataclass(frozen=True, slots=True)
class _Occurrence:
    request: Request
    fault: Fault
    inject_at: float
    heal_at: float


def make_plan(requests: Sequence[Request], frame: Frame) -> FaultPlan:
    """Plan all requests.

    Raises:
        FaultPlanError: an entry makes no sense in this run. The error has the path of the field.
    """
    planned: list[PlannedFault] = []
    open_targets: list[_Occurrence] = []
    for request in requests:
        for occurrence in _occurrences(request, frame):
            named = list(occurrence.fault.concrete(frame.nodes, frame.rng(request.path)))
            if len(named) == 1:
                planned.append(_planned(replace(occurrence, fault=named[0]), planned, frame))
            else:
                open_targets.append(occurrence)
    for occurrence in sorted(open_targets, key=lambda item: (item.inject_at, dotted(item.request.path))):
        rng = frame.rng((*occurrence.request.path, f"{occurrence.inject_at:.3f}"))
        planned.append(_drawn(occurrence, planned, frame, rng))
    for kind in (Randomly, RandomRestarts):
        for request in requests:
            if isinstance(request.entry, kind):
                _add_random(request, planned, frame)
    ordered = sorted(planned, key=lambda item: (item.inject_at, dotted(item.path), str(item.fault)))
    return FaultPlan(tuple(replace(item, number=number) for number, item in enumerate(ordered, start=1)))


def check_plan(plan: FaultPlan, frame: Frame) -> None:
    """Check a plan that comes from a file. Errors name the fields of its JSON.

    Raises:
        FaultPlanError: a fault makes no sense in this run, or excludes another one.
    """
    checked: list[PlannedFault] = []
    for index, item in enumerate(plan):
        path: FieldPath = ("faults", index)
        item.fault.check(frame.nodes, (*path, item.fault.kind))
        _check_window(path, item.inject_at, item.heal_at, frame)
        _refuse_conflict(replace(item, path=path), checked, frame)
        checked.append(item)


def _occurrences(request: Request, frame: Frame) -> Iterator[_Occurrence]:
    """Return the faults of an entry whose times are fixed."""
    match request.entry:
        case At(time, fault, lasting):
            yield _at(request, fault, _not_negative((*request.path, "at"), time, frame), lasting, frame)
        case During(start, end, fault):
            yield _during(request, fault, start, end, frame)
        case Every():
            yield from _every(request, request.entry, frame)


def _at(request: Request, fault: Fault, start: float, lasting: Span | None, frame: Frame) -> _Occurrence:
    fault.check(frame.nodes, (*request.path, fault.kind))
    length = _length(request, fault, lasting, frame)
    if start >= frame.run_seconds:
        raise FaultPlanError(
            (*request.path, "at"), f"{start:g} s is after the run, which lasts {frame.run_seconds:g} s"
        )
    if start + length > frame.run_seconds:
        raise FaultPlanError(
            (*request.path, "lasting"),
            f"the fault would end at {start + length:g} s, after the run, which lasts {frame.run_seconds:g} s",
        )
    return _Occurrence(request, fault, rounded(start), rounded(start + length))


def _during(request: Request, fault: Fault, start: Span, end: Span, frame: Frame) -> _Occurrence:
    path = (*request.path, "during")
    fault.check(frame.nodes, (*request.path, fault.kind))
    if fault.momentary:
        raise FaultPlanError(path, f"a {fault.kind} has no length; use `at` or `every`")
    first, last = _not_negative((*path, "start"), start, frame), _not_negative((*path, "end"), end, frame)
    if last < first + _SHORTEST:
        raise FaultPlanError((*path, "end"), f"expected after the start at {first:g} s, got {last:g} s")
    _check_window((*path, "end"), first, last, frame)
    return _Occurrence(request, fault, rounded(first), rounded(last))


def _every(request: Request, entry: Every, frame: Frame) -> Iterator[_Occurrence]:
    fault, path = entry.fault, request.path
    fault.check(frame.nodes, (*path, fault.kind))
    length = _length(request, fault, entry.lasting, frame)
    period = _not_negative((*path, "every"), entry.period, frame)
    if period <= 0:
        raise FaultPlanError((*path, "every"), "expected above 0")
    if length >= period:
        raise FaultPlanError((*path, "lasting"), f"expected below the period of {period:g} s, got {length:g} s")
    first = period if entry.first is None else _not_negative((*path, "first"), entry.first, frame)
    until = _until(path, entry.until, frame)
    times = [first + index * period for index in range(min(_MOST_FAULTS, max(0, math.ceil((until - first) / period))))]
    fitting = [time for time in times if time + length <= until]
    if not fitting:
        raise FaultPlanError((*path, "every"), f"not one {fault.kind} fits into the {until:g} s there are")
    yield from (_Occurrence(request, fault, rounded(time), rounded(time + length)) for time in fitting)


def _add_random(request: Request, planned: list[PlannedFault], frame: Frame) -> None:
    before = len(planned)
    if isinstance(request.entry, Randomly):
        _add_randomly(request, request.entry, planned, frame)
        if len(planned) == before:
            raise FaultPlanError((*request.path, "randomly"), f"no fault fits into the run of {frame.run_seconds:g} s")
    elif isinstance(request.entry, RandomRestarts):
        _add_restarts(request, request.entry, planned, frame)


def _add_randomly(request: Request, entry: Randomly, planned: list[PlannedFault], frame: Frame) -> None:
    path, rng = (*request.path, "randomly"), frame.rng(request.path)
    if not entry.faults:
        raise FaultPlanError((*path, "of"), "expected one fault or more")
    for index, fault in enumerate(entry.faults):
        fault.check(frame.nodes, (*path, "of", index, fault.kind))
    gap, lasting = _range((*path, "gap"), entry.gap, frame), _range((*path, "lasting"), entry.lasting, frame)
    until = _until(path, entry.until, frame)
    limit = _MOST_FAULTS if entry.count is None else entry.count
    if limit < 1:
        raise FaultPlanError((*path, "count"), f"expected 1 or more, got {limit}")
    added, time = 0, _not_negative((*path, "start"), entry.start, frame) + rng.uniform(*gap)
    while added < limit and time < min(until, frame.run_seconds - LAST_MOMENT):
        length = rng.uniform(*lasting)
        for fault in rng.sample(entry.faults, len(entry.faults)):
            end = time + (0.0 if fault.momentary else length)
            occurrence = _Occurrence(request, fault, rounded(time), rounded(end))
            item = _first_fitting(occurrence, planned, frame, rng) if end <= until else None
            if item is not None:
                planned.append(item)
                added += 1
                break
        time += rng.uniform(*gap)


def _add_restarts(request: Request, entry: RandomRestarts, planned: list[PlannedFault], frame: Frame) -> None:
    """Add restarts. Each node has its own cooldown. While all nodes cool down, the first that is ready is next."""
    rng, ready_at = frame.rng(request.path), dict.fromkeys(entry.targets, 0.0)
    time = 0.0
    while ready_at and len(planned) < _MOST_FAULTS:
        time += rng.uniform(entry.min_delay, entry.max_delay)
        time = max(time, min(ready_at.values()))
        if time >= frame.run_seconds - LAST_MOMENT:
            return
        ready = [node for node, moment in ready_at.items() if moment <= time]
        for node in rng.sample(ready, len(ready)):
            item = _item(_Occurrence(request, Restart(node), rounded(time), rounded(time)))
            if _conflict(item, planned, frame) is None:
                planned.append(item)
                ready_at[node] = time + entry.target_cooldown
                break


def _planned(occurrence: _Occurrence, others: Sequence[PlannedFault], frame: Frame) -> PlannedFault:
    item = _item(occurrence)
    _refuse_conflict(item, others, frame)
    return item


def _refuse_conflict(item: PlannedFault, others: Sequence[PlannedFault], frame: Frame) -> None:
    other = _conflict(item, others, frame)
    if other is not None:
        raise FaultPlanError(
            item.path,
            f"{item.fault} from {item.inject_at:g} s to {item.heal_at:g} s overlaps with {dotted(other.path)}: "
            f"{other.fault} from {other.inject_at:g} s to {other.heal_at:g} s",
        )


def _drawn(occurrence: _Occurrence, others: Sequence[PlannedFault], frame: Frame, rng: Random) -> PlannedFault:
    item = _first_fitting(occurrence, others, frame, rng)
    if item is None:
        raise FaultPlanError(
            occurrence.request.path,
            f"{occurrence.fault}: at {occurrence.inject_at:g} s everything it could hit is busy with another fault",
        )
    return item


def _first_fitting(
    occurrence: _Occurrence, others: Sequence[PlannedFault], frame: Frame, rng: Random
) -> PlannedFault | None:
    for fault in occurrence.fault.concrete(frame.nodes, rng):
        item = _item(replace(occurrence, fault=fault))
        if _conflict(item, others, frame) is None:
            return item
    return None


def _item(occurrence: _Occurrence) -> PlannedFault:
    return PlannedFault(
        number=0,
        origin=occurrence.request.origin,
        path=occurrence.request.path,
        fault=occurrence.fault,
        inject_at=occurrence.inject_at,
        heal_at=occurrence.heal_at,
    )


def _conflict(item: PlannedFault, others: Sequence[PlannedFault], frame: Frame) -> PlannedFault | None:
    """Find a fault that is active at the same time and excludes this one."""
    for other in others:
        at_once = item.inject_at <= other.heal_at and other.inject_at <= item.heal_at
        if at_once and item.fault.excludes(other.fault, frame.nodes):
            return other
    return None


def _not_negative(path: FieldPath, time: Span, frame: Frame) -> float:
    value = time.in_seconds(frame.slot_seconds)
    if not 0 <= value < math.inf:
        raise FaultPlanError(path, f"expected 0 or more, got {time}")
    return value


def _length(request: Request, fault: Fault, lasting: Span | None, frame: Frame) -> float:
    path = (*request.path, "lasting")
    if fault.momentary:
        if lasting is not None:
            raise FaultPlanError(path, f"a {fault.kind} has no length; use kill or stop to keep a node down")
        return 0.0
    if lasting is None:
        raise FaultPlanError(path, f"is missing: how long the {fault.kind} lasts")
    length = _not_negative(path, lasting, frame)
    if length < _SHORTEST:
        raise FaultPlanError(path, f"expected {_SHORTEST:g} s or more, got {lasting}")
    return length


def _range(path: FieldPath, limits: SpanRange, frame: Frame) -> tuple[float, float]:
    low, high = (_not_negative((*path, name), limit, frame) for name, limit in zip(("min", "max"), limits, strict=True))
    if not _SHORTEST <= low <= high:
        raise FaultPlanError(path, f"expected {_SHORTEST:g} s <= min <= max, got {limits[0]} and {limits[1]}")
    return low, high


def _until(path: FieldPath, until: Span | None, frame: Frame) -> float:
    end = frame.run_seconds if until is None else _not_negative((*path, "until"), until, frame)
    if end > frame.run_seconds:
        raise FaultPlanError((*path, "until"), f"{end:g} s is after the run, which lasts {frame.run_seconds:g} s")
    return end


def _check_window(path: FieldPath, start: float, end: float, frame: Frame) -> None:
    if not 0 <= start <= end:
        raise FaultPlanError(path, f"expected a time from 0, and an end after it; got {start:g} s to {end:g} s")
    if end > frame.run_seconds + _ROUNDING:
        raise FaultPlanError(
            path, f"the fault would end at {end:g} s, after the run, which lasts {frame.run_seconds:g} s"
        )
