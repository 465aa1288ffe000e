"""The schedule of faults. The planner makes the plan from its entries and the seed.

```python
at(slots(5), Pause("validator-1"), lasting=slots(4))
every(slots(20), Restart("any validator"))
during(slots(5), slots(25), Latency(seconds=0.1))
randomly(Kill("any"), Pause("any"), gap=(slots(2), slots(6)), lasting=(slots(1), slots(3)))
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.faults.durations import Span, Time, span
from nomos_testing.faults.fault import Fault

SpanRange = tuple[Span, Span]
_RUN_START: Final = Span(0.0)


@dataclass(frozen=True, slots=True)
class At:
    """A fault that happens once, at ``time``, and lasts for ``lasting``. A momentary fault has no length."""

    time: Span
    fault: Fault
    lasting: Span | None = None

    def to_json(self) -> dict[str, Any]:
        return {"at": self.time.to_json(), **_lasting(self.lasting), **self.fault.to_json()}


@dataclass(frozen=True, slots=True)
class Every:
    """A fault that happens in each ``period``, as often as it fits before ``until``. ``first`` is the first time."""

    period: Span
    fault: Fault
    lasting: Span | None = None
    first: Span | None = None
    until: Span | None = None

    def to_json(self) -> dict[str, Any]:
        bounds = {"first": self.first, "until": self.until}
        given = {name: time.to_json() for name, time in bounds.items() if time is not None}
        return {"every": self.period.to_json(), **given, **_lasting(self.lasting), **self.fault.to_json()}


@dataclass(frozen=True, slots=True)
class During:
    """A fault that is active from ``start`` to ``end``."""

    start: Span
    end: Span
    fault: Fault

    def to_json(self) -> dict[str, Any]:
        return {"during": {"start": self.start.to_json(), "end": self.end.to_json()}, **self.fault.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomly:
    """Random faults, one after the other. Gap and length of each are random.

    A fault that would exclude another one is left out.
    """

    faults: tuple[Fault, ...]
    gap: SpanRange
    lasting: SpanRange
    start: Span = _RUN_START
    until: Span | None = None
    count: int | None = None
    """At most so many."""

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "of": [fault.to_json() for fault in self.faults],
            "gap": _range(self.gap),
            "lasting": _range(self.lasting),
        }
        if self.start != _RUN_START:
            values["start"] = self.start.to_json()
        if self.until is not None:
            values["until"] = self.until.to_json()
        if self.count is not None:
            values["count"] = self.count
        return {"randomly": values}


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomRestarts:
    """Random restarts until the end of the run. After a random delay, a node that is not cooling down restarts."""

    min_delay: float
    max_delay: float
    target_cooldown: float
    """Seconds in which a node that was restarted is left alone."""
    targets: tuple[str, ...]


Entry = At | Every | During | Randomly | RandomRestarts


def at(time: Time, fault: Fault, *, lasting: Time | None = None) -> At:
    """Inject a fault once."""
    return At(span(time), fault, _optional(lasting))


def every(
    period: Time, fault: Fault, *, lasting: Time | None = None, first: Time | None = None, until: Time | None = None
) -> Every:
    """Inject a fault once in each ``period``, first after ``first`` (default: one period), until ``until``."""
    return Every(span(period), fault, _optional(lasting), _optional(first), _optional(until))


def during(start: Time, end: Time, fault: Fault) -> During:
    """Inject a fault at ``start`` and heal it at ``end``."""
    return During(span(start), span(end), fault)


def randomly(
    *faults: Fault,
    gap: tuple[Time, Time],
    lasting: tuple[Time, Time],
    start: Time = 0.0,
    until: Time | None = None,
    count: int | None = None,
) -> Randomly:
    """Inject one of the faults after the other, drawn by the seed. ``gap`` and ``lasting`` are shortest and longest."""
    return Randomly(
        faults=faults,
        gap=(span(gap[0]), span(gap[1])),
        lasting=(span(lasting[0]), span(lasting[1])),
        start=span(start),
        until=_optional(until),
        count=count,
    )


def _optional(time: Time | None) -> Span | None:
    return None if time is None else span(time)


def _lasting(lasting: Span | None) -> dict[str, Any]:
    return {} if lasting is None else {"lasting": lasting.to_json()}


def _range(limits: SpanRange) -> dict[str, Any]:
    return {"min": limits[0].to_json(), "max": limits[1].to_json()}
