"""The parts that every plot is made of: elements of SVG, scales, ticks, and series thinned to what a screen can show.

A plot has no width of its own. Positions across are percentages of the plot area, and only the lines lie in a layer
that is stretched, so that text keeps its size on a phone and on a wide screen alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from nomos_testing.evidence.node_logs import plain_text

Points = Sequence[tuple[float, float]]
"""A series: times and values, ordered by time."""

LAYER_WIDTH: Final = 1000
"""Units across the layer of lines."""
_BUCKETS: Final = 400
"""A thinned series has at most four points for each: more than a plot has pixels for."""
_TIME_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_CLOCK_FROM: Final = 120.0
"""Seconds from which times are shown as minutes and seconds."""


def element(name: str, attributes: Mapping[str, object], *children: str) -> Markup:
    """Return an element. Values and children that are no ``Markup`` are escaped, without their control characters."""
    given = Markup("").join(Markup(' {}="{}"').format(key, _attribute(value)) for key, value in attributes.items())
    inside = Markup("").join(child if isinstance(child, Markup) else escape(plain_text(child)) for child in children)
    return Markup("<{}{}>{}</{}>").format(Markup(name), given, inside, Markup(name))


def _attribute(value: object) -> str:
    return shown_number(value) if isinstance(value, float) else plain_text(str(value))


def shown_number(value: float) -> str:
    """Return a number with at most three digits after the point, without zeros at its end."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def counted(count: int, name: str) -> str:
    """Return a count with its name: ``1 block``, ``2 blocks``."""
    return f"{count} {name}" + "s" * (count != 1)


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values that is mapped to a length."""

    low: float
    """The value at 0."""
    high: float
    """The value at the length."""
    length: float
    """The length: 100 for percentages."""

    def __call__(self, value: float) -> float:
        """Return the position of a value, within the length."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.0
        return min(1.0, max(0.0, share)) * self.length

    def percent(self, value: float) -> str:
        """Return the position as a percentage."""
        return f"{self(value) * 100 / self.length:.2f}%"


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return at most ``most`` round values from ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten.

    Args:
        low: the lowest value.
        high: the highest value.
        most: how many there may be, at least two.
        whole: whether a step is at least 1.
    """
    if not high > low:
        return [low]
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return _multiples(low, high, max(step, 1.0) if whole else step)


def time_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` round times in seconds, such as every 15 s or every 5 minutes."""
    rough = (high - low) / (most - 1)
    if rough < _TIME_STEPS[0] or rough > _TIME_STEPS[-1]:
        return ticks(low, high, most)
    return _multiples(low, high, next(step for step in _TIME_STEPS if step >= rough))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def shown_time(seconds: float, longest: float) -> str:
    """Return a time of a run whose longest is ``longest``: ``12 s``, or ``2:05`` in a run of minutes."""
    if longest < _CLOCK_FROM:
        return f"{shown_number(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shown_bytes(count: float) -> str:
    """Return a number of bytes with its unit: ``1.5 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def thinned(points: Points, low: float, high: float) -> list[tuple[float, float]]:
    """Leave out points that no screen can show. First, last, lowest and highest of each bucket of time stay."""
    if not high > low:
        return list(points[-1:])
    kept: list[tuple[float, float]] = []
    for bucket in _buckets(points, low, (high - low) / _BUCKETS):
        if len(bucket) <= 4:
            kept += bucket
            continue
        lowest = min(range(len(bucket)), key=lambda place: bucket[place][1])
        highest = max(range(len(bucket)), key=lambda place: bucket[place][1])
        kept += [bucket[place] for place in sorted({0, lowest, highest, len(bucket) - 1})]
    return kept


def _buckets(points: Points, low: float, width: float) -> Iterator[list[tuple[float, float]]]:
    bucket: list[tuple[float, float]] = []
    number = 0
    for at, value in points:
        place = int((at - low) / width)
        if bucket and place != number:
            yield bucket
            bucket = []
        number = place
        bucket.append((at, value))
    if bucket:
        yield bucket
