"""From the fault sections of a scenario file to the schedule that the builder takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nomos_testing.faults.durations import Span
from nomos_testing.faults.notation import fault_from_json
from nomos_testing.faults.schedule import At, During, Entry, Every, Randomly
from nomos_testing.faults.vocabulary import KINDS, Fault
from nomos_testing.scenario.file.fault_schema import FaultEntrySection, FaultSection, Moment, RangeSection, SlotsSection
from nomos_testing.scenario.file.yaml_with_lines import FieldPath

TIMINGS = ("at", "every", "during", "randomly")
_BELONGS_TO = {"lasting": ("at", "every"), "first": ("every",), "until": ("every",)}

Refuse = Callable[[FieldPath, str], None]
"""Raises for a field below the entry with what is wrong with it."""


def moment(value: Moment) -> Span:
    return Span(value.slots, "slots") if isinstance(value, SlotsSection) else Span(float(value))


def optional_moment(value: Moment | None) -> Span | None:
    return None if value is None else moment(value)


def entry_of(section: FaultEntrySection, refuse: Refuse) -> Entry:
    timing = _only_one(section, TIMINGS, (), refuse)
    for name, owners in _BELONGS_TO.items():
        if getattr(section, name) is not None and timing not in owners:
            refuse((name,), f"goes with {' or '.join(owners)}, not with {timing}")
    if section.randomly is not None:
        return _randomly(section, refuse)
    fault, lasting = _fault(section, (), refuse), optional_moment(section.lasting)
    if section.at is not None:
        return At(moment(section.at), fault, lasting)
    if section.every is not None:
        first, until = optional_moment(section.first), optional_moment(section.until)
        return Every(moment(section.every), fault, lasting, first, until)
    assert section.during is not None
    return During(moment(section.during.start), moment(section.during.end), fault)


def _randomly(section: FaultEntrySection, refuse: Refuse) -> Randomly:
    values = section.randomly
    assert values is not None
    beside = [kind for kind in KINDS if getattr(section, kind) is not None]
    if beside:
        refuse((beside[0],), "the faults of randomly belong below randomly.of")
    return Randomly(
        faults=tuple(_fault(fault, ("randomly", "of", index), refuse) for index, fault in enumerate(values.of)),
        gap=_range(values.gap),
        lasting=_range(values.lasting),
        start=moment(values.start),
        until=optional_moment(values.until),
        count=values.count,
    )


def _fault(section: FaultSection, path: FieldPath, refuse: Refuse) -> Fault:
    kind = _only_one(section, tuple(KINDS), path, refuse)
    return fault_from_json({kind: getattr(section, kind).model_dump(exclude_none=True)})


def _only_one(section: Any, names: tuple[str, ...], path: FieldPath, refuse: Refuse) -> str:
    chosen = [name for name in names if getattr(section, name) is not None]
    if len(chosen) != 1:
        refuse(path, f"expected exactly one of {', '.join(names)}; got {', '.join(chosen) or 'none'}")
    return chosen[0]


def _range(section: RangeSection) -> tuple[Span, Span]:
    return moment(section.min), moment(section.max)
