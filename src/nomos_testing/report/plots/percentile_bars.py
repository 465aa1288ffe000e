"""Bars of percentiles, one row for each name: the median widest, the rarer ones thinner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from nomos_testing.report.svg import Scale, element, shown_number, ticks

_ROW_HEIGHT: Final = 40
_BAR_TOP: Final = 20
_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class PercentileRow:
    """The percentiles of one name, in seconds."""

    name: str
    """A node, or what was measured."""
    p50: float
    """The median."""
    p90: float
    """Nine of ten are at most this."""
    p99: float
    """Ninety-nine of a hundred are at most this."""
    count: int
    """How many were measured."""

    @property
    def text(self) -> str:
        """``0.1 / 0.25 / 0.8 s``."""
        return " / ".join(shown_seconds(value) for value in (self.p50, self.p90, self.p99)) + " s"


def shown_seconds(seconds: float) -> str:
    """Return seconds with three digits that matter."""
    return shown_number(float(f"{seconds:.3g}"))


def percentile_bars(title: str, rows: Sequence[PercentileRow], *, counted: str) -> Markup:
    """Draw the bars.

    Args:
        title: what was measured.
        rows: one for each bar.
        counted: name of what was counted: ``blocks``.
    """
    scale = Scale(0, max((row.p99 for row in rows), default=0.0) * 1.02 or 1.0, 100)
    bottom = len(rows) * _ROW_HEIGHT + 4
    parts: list[Markup] = []
    for value in ticks(0, scale.high, _TICKS):
        x = scale.percent(value)
        anchor = "start" if value == 0 else "end" if scale(value) > 94 else "middle"
        parts.append(element("line", {"class": "grid", "x1": x, "x2": x, "y1": 0, "y2": bottom}))
        place = {"class": "tick", "x": x, "y": bottom + 16, "text-anchor": anchor}
        parts.append(element("text", place, f"{shown_seconds(value)} s"))
    for number, row in enumerate(rows):
        parts += _row(row, number * _ROW_HEIGHT, scale, counted)
    spoken = "; ".join(f"{row.name}: {row.text}" for row in rows)
    attributes = {"class": "plot bars", "role": "img", "aria-label": f"{title}, p50 / p90 / p99. {spoken}"}
    return element("svg", {**attributes, "width": "100%", "height": bottom + 22}, *parts)


def _row(row: PercentileRow, top: int, scale: Scale, counted: str) -> list[Markup]:
    middle = top + _BAR_TOP + 7
    bars = [
        element("rect", {"class": f"bar {name}", "x": 0, "y": middle - height / 2, "width": width, "height": height})
        for name, width, height in (
            ("p99", scale.percent(row.p99), 2),
            ("p90", scale.percent(row.p90), 7),
            ("p50", scale.percent(row.p50), 14),
        )
    ]
    return [
        element("text", {"class": "name", "x": 0, "y": top + 14}, row.name),
        element("text", {"class": "tick", "x": "100%", "y": top + 14, "text-anchor": "end"},
                f"{row.text} ({row.count} {counted})"),
        *bars,
    ]  # fmt: skip
