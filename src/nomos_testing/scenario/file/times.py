"""Times in a scenario file: seconds, or ``{slots: N}``."""

from __future__ import annotations

from nomos_testing.faults.durations import Span
from nomos_testing.sections import NotNegative, Section


class SlotsSection(Section):
    """A time in slots."""

    slots: NotNegative


Moment = NotNegative | SlotsSection
"""A length of time, or a moment since the workloads start."""


class RangeSection(Section):
    """From the shortest to the longest."""

    min: Moment
    max: Moment


class WindowSection(Section):
    """From a moment to a later one."""

    start: Moment
    end: Moment


def moment(value: Moment) -> Span:
    """Read a time."""
    return Span(value.slots, "slots") if isinstance(value, SlotsSection) else Span(float(value))


def optional_moment(value: Moment | None) -> Span | None:
    """Read a time that may be left out."""
    return None if value is None else moment(value)
