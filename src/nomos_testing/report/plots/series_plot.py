"""A plot of series over the time of a run, with the windows of its faults shaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from nomos_testing.report.svg import (
    LAYER_WIDTH,
    Points,
    Scale,
    element,
    shown_number,
    shown_time,
    thinned,
    ticks,
    time_ticks,
)

STYLES: Final = 12
"""Different looks of a line; the style sheet has as many."""
_AREA_HEIGHT: Final = 190
_BADGE_HEIGHT: Final = 16
_BADGE_ROWS: Final = 4
_BADGE_GAP: Final = 6.0
_NARROWEST: Final = 270.0
"""Pixels of the plot area on the narrowest screen. Badges must not overlap there."""
_TIME_TICKS: Final = 6
_VALUE_TICKS: Final = 6
_TABLE_ROWS: Final = 25


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which a fault was in effect."""

    label: str
    """A few characters that stand above it: the fault's number."""
    text: str
    """The fault in words."""
    began: float
    """Seconds on the journal's clock."""
    ended: float | None = None
    """Seconds on the journal's clock; None if it was not healed."""
    recovered: float | None = None
    """When the network had recovered; None if it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlot:
    """A plot of one value of several nodes, or of several counts, over time."""

    title: str
    """The value."""
    description: str
    """One sentence for those who do not see the plot."""
    series: Mapping[str, Points]
    """The series by name."""
    end: float
    """The last time on the axis, which begins with 0."""
    windows: Sequence[Window] = ()
    """The faults."""
    stepped: bool = True
    """Whether a value holds until the next one; else lines join them."""
    longest_gap: float | None = None
    """A line has a gap where two points are further apart than so many seconds."""
    breaks: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """When the line of a name stops, because its node ended. It goes on with its next point."""
    whole: bool = False
    """Whether values are whole numbers."""
    shown: Callable[[float], str] = shown_number
    """Returns the text of a value."""
    styles: Mapping[str, int] | None = None
    """Number of each series' style, so that a node looks alike in every plot; None: in their order."""

    def style_of(self, name: str) -> int:
        """Return the number of the style of a series."""
        order = self.styles if self.styles is not None else {key: place for place, key in enumerate(self.series)}
        return order.get(name, 0) % STYLES

    def svg(self) -> Markup:
        """Draw the plot."""
        badges = _badges(self.windows, Scale(0, self.end, _NARROWEST))
        top = _BADGE_HEIGHT * (1 + max((badge.row for badge in badges), default=-1)) + 6
        across, up = Scale(0, self.end, 100), self._up()
        parts = [
            *self._shades(across, top),
            *self._grid(across, up, top),
            self._lines(up, top),
            *(badge.svg() for badge in badges),
        ]
        height = top + _AREA_HEIGHT + 24
        attributes = {"class": "plot", "role": "img", "aria-label": f"{self.title}. {self.description}"}
        return element("svg", {**attributes, "width": "100%", "height": height}, *parts)

    def rows(self) -> list[list[str]]:
        """Return the plot as a table: a row for each of some times, the values of all series at that time."""
        times = [self.end * place / (_TABLE_ROWS - 1) for place in range(_TABLE_ROWS)]
        columns = [list(_values_at(points, times, self.shown)) for points in self.series.values()]
        rows = zip(times, *columns, strict=True)
        return [[shown_time(round(at, 1), self.end), *values] for at, *values in rows if any(values)]

    def _up(self) -> Scale:
        values = [value for points in self.series.values() for _, value in points]
        high = max(values, default=1.0) or 1.0
        return Scale(min(0.0, min(values, default=0.0)), high * 1.05, _AREA_HEIGHT)

    def _shades(self, across: Scale, top: int) -> Iterator[Markup]:
        for window in self.windows:
            ended = self.end if window.ended is None else window.ended
            title = element("title", {}, f"fault {window.label}: {window.text}")
            yield _shade("fault", across, (window.began, ended), top, title)
            if window.recovered is not None and window.recovered > ended:
                yield _shade("recovery", across, (ended, window.recovered), top, title)

    def _grid(self, across: Scale, up: Scale, top: int) -> Iterator[Markup]:
        for value in ticks(up.low, up.high, _VALUE_TICKS, whole=self.whole):
            y = top + _AREA_HEIGHT - up(value)
            yield element("line", {"class": "grid", "x1": "0", "x2": "100%", "y1": y, "y2": y})
            yield element("text", {"class": "tick", "x": -6, "y": y + 4, "text-anchor": "end"}, self.shown(value))
        bottom = top + _AREA_HEIGHT
        for at in time_ticks(0, self.end, _TIME_TICKS):
            x = across.percent(at)
            yield element("line", {"class": "axis", "x1": x, "x2": x, "y1": bottom, "y2": bottom + 4})
            anchor = "end" if across(at) > 96 else "middle"
            place = {"class": "tick", "x": x, "y": bottom + 18, "text-anchor": anchor}
            yield element("text", place, shown_time(at, self.end))
        yield element("line", {"class": "axis", "x1": "0", "x2": "100%", "y1": bottom, "y2": bottom})

    def _lines(self, up: Scale, top: int) -> Markup:
        across = Scale(0, self.end, LAYER_WIDTH)
        lines = []
        for place, (name, points) in enumerate(self.series.items()):
            # Lines that lie on each other are all seen: the first is the widest.
            width = 1.8 + 3.2 * (1 - place / max(1, len(self.series) - 1)) if len(self.series) > 1 else 2.2
            path = "".join(self._path(part, across, up) for part in self._parts(name, points))
            style = f"line s{self.style_of(name)}"
            lines.append(
                element("path", {"class": style, "d": path, "stroke-width": width}, element("title", {}, name))
            )
        box = {"x": "0", "y": top, "width": "100%", "height": _AREA_HEIGHT}
        view = {"viewBox": f"0 0 {LAYER_WIDTH} {_AREA_HEIGHT}", "preserveAspectRatio": "none"}
        return element("svg", {**box, **view, "class": "lines"}, *lines)

    def _parts(self, name: str, points: Points) -> Iterator[list[tuple[float, float]]]:
        """Yield the parts of a line between its gaps, each with no more points than a screen can show."""
        part: list[tuple[float, float]] = []
        stops = sorted(self.breaks.get(name, ()), reverse=True)
        for at, value in points:
            stop = None
            while stops and stops[-1] <= at:
                stop = stops.pop()
            far = bool(part) and self.longest_gap is not None and at - part[-1][0] > self.longest_gap
            if part and (stop is not None or far):
                yield self._thin(part, stop if self.longest_gap is None else None)
                part = []
            part.append((at, value))
        if part:
            # A value that is told when it changes holds until the end of the node, or of the run.
            yield self._thin(part, (stops[-1] if stops else self.end) if self.longest_gap is None else None)

    def _thin(self, part: list[tuple[float, float]], until: float | None) -> list[tuple[float, float]]:
        held = [] if until is None or until <= part[-1][0] else [(until, part[-1][1])]
        return thinned(part, 0, self.end) + held

    def _path(self, points: Points, across: Scale, up: Scale) -> str:
        drawn: list[str] = []
        before: float | None = None
        for at, value in points:
            x, y = f"{across(at):.1f}".removesuffix(".0"), f"{_AREA_HEIGHT - up(value):.1f}".removesuffix(".0")
            if before is None:
                drawn.append(f"M{x} {y}")
            elif value == before and self.stepped:
                drawn.append(f"H{x}")
            else:
                drawn.append(f"H{x}V{y}" if self.stepped else f"L{x} {y}")
            before = value
        if len(drawn) == 1:
            drawn.append("h1")  # a single point
        return _without_repeats(drawn)


def _without_repeats(drawn: Sequence[str]) -> str:
    """Join the parts of a path. Of several horizontal lines in a row only the last is needed."""
    kept: list[str] = []
    for part in drawn:
        if kept and part[0] == "H" and kept[-1][0] == "H" and "V" not in kept[-1]:
            kept.pop()
        kept.append(part)
    return "".join(kept)


def _shade(kind: str, across: Scale, times: tuple[float, float], top: int, title: Markup) -> Markup:
    began, ended = times
    width = f"{max(0.3, across(ended) - across(began)):.2f}%"
    box = {"x": across.percent(began), "y": top, "width": width, "height": _AREA_HEIGHT}
    return element("rect", {"class": kind, **box}, title)


@dataclass(slots=True)
class _Badge:
    """The label of a window above the plot."""

    row: int
    at: float
    """The beginning of the window, in pixels on the narrowest screen."""
    left: float
    """The beginning of the text, likewise."""
    label: str

    def svg(self) -> Markup:
        """Draw it. It stands at its window on every screen, because the shift of the text is in pixels."""
        place = {"x": f"{self.at * 100 / _NARROWEST:.2f}%", "dx": round(self.left - self.at, 1)}
        return element("text", {"class": "badge", **place, "y": 12 + self.row * _BADGE_HEIGHT}, self.label)


def _badges(windows: Sequence[Window], across: Scale) -> list[_Badge]:
    """Place the badges of windows. Those without a place of their own are joined with the one before: ``5-9``."""
    ends = [0.0] * _BADGE_ROWS
    placed: list[_Badge] = []
    for window in sorted(windows, key=lambda window: window.began):
        at, label = across(window.began), window.label
        # At the right end there must be room for others to be joined.
        left = max(0.0, min(at - _width(label) / 2, across.length - _width(f"{label}-{label}")))
        row = next((row for row, end in enumerate(ends) if left >= end), None)
        if row is None:
            placed[-1].label = f"{placed[-1].label.partition('-')[0]}-{label}"
        else:
            placed.append(_Badge(row, at, left, label))
        last = placed[-1]
        ends[last.row] = last.left + _width(last.label) + _BADGE_GAP
    return placed


def _width(label: str) -> float:
    return 8.0 * len(label)


def _values_at(points: Points, times: Sequence[float], shown: Callable[[float], str]) -> Iterator[str]:
    """Yield the latest value before each time; an empty text before the first."""
    place = -1
    for at in times:
        while place + 1 < len(points) and points[place + 1][0] <= at:
            place += 1
        yield shown(points[place][1]) if place >= 0 else ""
