"""Picture of a run's trace: one SVG without scripts. Faults and nodes have rows, all else has lanes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from nomos_core.telemetry.spans import Span
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.report.svg import Scale, element, shown_time, time_ticks
from nomos_testing.report.traces.run_trace import RunTrace

_NAMES_WIDTH: Final = 210
_PLOT_WIDTH: Final = 860
_WIDTH: Final = _NAMES_WIDTH + _PLOT_WIDTH + 30
_ROW: Final = 18
_LANE: Final = 7
_BAR: Final = 12
_GAP: Final = 12
"""Between two groups."""
_HEAD: Final = 60
_MOST_LANES: Final = 14
_MOST_ITEMS: Final = 1000
"""Of one group. Further ones would only make the file large."""
_LETTER: Final = 6.2
"""Width of a letter."""
_NANOSECONDS: Final = 1_000_000_000
_FAILED: Final = "#b00020"
_COLOURS: Final[Mapping[str, str]] = {
    "phase": "#8fa8bf",
    "wait": "#5d7d9a",
    "injection": "#7a2e00",
    "in effect": "#d55e00",
    "heal": "#e69f00",
    "recovery": "#f0d442",
    "node": "#c4ccd4",
    "wait for its turn": "#d6dce1",
    "submission": "#0072b2",
    "inclusion": "#56b4e9",
    "dispersal": "#009e73",
    "block": "#aa5599",
}
"""Colours that the colour-blind tell apart, by the name of a part or the first word of a span."""
_STYLE: Final = (
    "text{font:11px system-ui,sans-serif;fill:#1d2733}.title{font-size:15px;font-weight:600}"
    ".group{font-weight:600}.faint{fill:#5b6875}"
)


@dataclass(frozen=True, slots=True)
class _Group:
    title: str
    items: Sequence[Span]
    named: bool
    """True if each item has a row with its name; otherwise the items share lanes."""


def waterfall(trace: RunTrace) -> str:
    """Draw the trace of a run."""
    return str(_Picture(trace).drawn())


class _Picture:
    def __init__(self, trace: RunTrace) -> None:
        self._root = trace.spans[0]
        self._parts: defaultdict[bytes | None, list[Span]] = defaultdict(list)
        for span in trace.spans[1:]:
            self._parts[span.parent_id].append(span)
        self._run_id = str(trace.resource.get("run.id", ""))
        last = max(span.end_ns for span in trace.spans)
        self._seconds = max((last - self._root.start_ns) / _NANOSECONDS, 1e-3)
        self._scale = Scale(0.0, self._seconds, _PLOT_WIDTH)

    def drawn(self) -> Markup:
        rows: list[Markup] = []
        top = float(_HEAD)
        for group in self._groups():
            drawn, height = self._group(group, top)
            rows += drawn
            top += height + _GAP
        legend, height = self._legend(top)
        size = {"width": _WIDTH, "height": round(top + height), "viewBox": f"0 0 {_WIDTH} {round(top + height)}"}
        background = element("rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
        content = [element("style", {}, Markup(_STYLE)), background, *self._head(top), *rows, *legend]
        return element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size}, *content)

    def _groups(self) -> Iterator[_Group]:
        phases = [span for span in self._parts[self._root.span_id] if span.name.startswith("phase ")]
        yield _Group("phases", phases, named=False)
        waits = [wait for phase in phases for wait in self._parts[phase.span_id]]
        if waits:
            yield _Group("waits", waits, named=False)
        for span in self._parts[self._root.span_id]:
            if (items := self._parts[span.span_id]) and not span.name.startswith("phase "):
                yield _Group(span.name, items, named=span.name in {"faults", "nodes"})

    def _head(self, bottom: float) -> Iterator[Markup]:
        verdict = str(self._root.attributes.get("verdict", ""))
        title = f"{self._root.name}: {verdict}, {shown_time(round(self._seconds, 1), self._seconds)}"
        yield _text(title, 12, 22, "title")
        yield _text(self._run_id, _NAMES_WIDTH + _PLOT_WIDTH, 22, "faint", anchor="end")
        for span in self._fault_parts():
            x, width = self._place(span)
            place = {"x": x, "y": float(_HEAD - 6), "width": width, "height": bottom - _HEAD + 6}
            yield element("rect", {**place, "fill": _COLOURS["in effect"], "fill-opacity": 0.1})
        for at in time_ticks(0.0, self._seconds, 9):
            x = _NAMES_WIDTH + self._scale(at)
            yield element("path", {"d": f"M{x:.1f} {_HEAD - 6}V{bottom:.0f}", "stroke": "#e3e8ec"})
            yield _text(shown_time(at, self._seconds), x, _HEAD - 10, "faint", anchor="middle")

    def _fault_parts(self) -> Iterator[Span]:
        """Yield the spans during which a fault is in effect. They are shaded over all rows."""
        return (span for spans in self._parts.values() for span in spans if span.name == "in effect")

    def _group(self, group: _Group, top: float) -> tuple[list[Markup], float]:
        if group.named:
            return self._rows(group, top)
        items, count = _thinned(group.items), len(group.items)
        lanes = _lanes(items)
        lane = _ROW if group.title in {"phases", "waits"} else _LANE
        drawn = [_text(f"{group.title} ({count})" if count > 1 else group.title, 12, top + 10, "group")]
        if len(items) < count:
            drawn.append(_text(f"{len(items)} of them drawn", 12, top + 24, "faint"))
        for span, number in zip(items, lanes, strict=True):
            drawn += self._bar(span, top + number * lane, min(lane - 2, _BAR), labelled=lane == _ROW)
        return drawn, max((max(lanes) + 1) * lane, 14)

    def _rows(self, group: _Group, top: float) -> tuple[list[Markup], float]:
        drawn = [_text(group.title, 12, top + 10, "group")]
        for number, span in enumerate(group.items, start=1):
            y = top + number * _ROW
            drawn.append(_text(_shortened(span.name.removeprefix("fault: "), _NAMES_WIDTH - 34), 24, y + 10))
            drawn += self._bar(span, y, _BAR)
            drawn += self._moments(span, y)
        return drawn, (len(group.items) + 1) * _ROW

    def _bar(self, span: Span, y: float, height: float, *, labelled: bool = False) -> Iterator[Markup]:
        parts = self._parts[span.span_id] if not span.name.startswith("phase ") else []
        for part in parts or [span]:
            x, width = self._place(part)
            fill = _FAILED if part.error is not None or span.error is not None else _colour(part)
            place = {"x": x, "y": float(y), "width": width, "height": float(height), "rx": 1.5, "fill": fill}
            edge = {"stroke": "#ffffff", "stroke-width": 0.6} if labelled else {}
            yield element("rect", {**place, **edge}, element("title", {}, _told(span, part)))
        x, width = self._place(span)
        label = span.name.removeprefix("phase ").removeprefix("wait for ")
        if labelled and len(label) * _LETTER < width:
            yield _text(label, x + 4, y + height - 3)

    def _moments(self, span: Span, y: float) -> Iterator[Markup]:
        for event in span.events:
            x = _NAMES_WIDTH + self._scale((event.time_ns - self._root.start_ns) / _NANOSECONDS)
            told = element("title", {}, plain_text(f"{event.name} {dict(event.attributes)}"))
            yield element("circle", {"cx": x, "cy": y + _BAR / 2, "r": 3, "fill": "#37474f"}, told)

    def _place(self, span: Span) -> tuple[float, float]:
        start, end = ((ns - self._root.start_ns) / _NANOSECONDS for ns in (span.start_ns, span.end_ns))
        return _NAMES_WIDTH + self._scale(start), max(self._scale(end) - self._scale(start), 1.5)

    def _legend(self, top: float) -> tuple[list[Markup], float]:
        used = {_colour_name(span) for spans in self._parts.values() for span in spans}
        drawn: list[Markup] = []
        x, y = float(_NAMES_WIDTH), top + 6
        for name, colour in [*_COLOURS.items(), ("failed", _FAILED)]:
            if name not in used and name != "failed":
                continue
            width = 28 + len(name) * _LETTER
            if x + width > _WIDTH:
                x, y = float(_NAMES_WIDTH), y + _ROW
            drawn.append(element("rect", {"x": x, "y": y, "width": 10, "height": 10, "fill": colour}))
            drawn.append(_text(name, x + 15, y + 9))
            x += width
        return drawn, y - top + 2 * _ROW


def _lanes(spans: Sequence[Span]) -> list[int]:
    """Return the lane of each span: the first one that is free at its start, or the one that will be free first."""
    free: list[int] = []
    lanes: list[int] = []
    for span in spans:
        lane = next((number for number, until in enumerate(free) if until <= span.start_ns), len(free))
        if lane == _MOST_LANES:
            lane = min(range(_MOST_LANES), key=free.__getitem__)
        free[lane : lane + 1] = [span.end_ns]
        lanes.append(lane)
    return lanes


def _thinned(spans: Sequence[Span]) -> list[Span]:
    ordered = sorted(spans, key=lambda span: span.start_ns)
    step = -(-len(ordered) // _MOST_ITEMS)
    return ordered[::step] if step > 1 else ordered


def _colour_name(span: Span) -> str:
    return span.name if span.name in _COLOURS else span.name.split()[0]


def _colour(span: Span) -> str:
    return _COLOURS.get(_colour_name(span), "#90a4ae")


def _told(span: Span, part: Span) -> str:
    """Return the text that a pointer over a bar shows."""
    name = span.name if part is span else f"{span.name}: {part.name}"
    seconds = (part.end_ns - part.start_ns) / _NANOSECONDS
    details = (f"{key}: {value}" for key, value in span.attributes.items())
    lines = [f"{name}, {seconds:.3f} s", *details, *_errors((part, span))]
    return "\n".join(plain_text(line) for line in lines)


def _errors(spans: Iterable[Span]) -> list[str]:
    return list(dict.fromkeys(span.error for span in spans if span.error is not None))


def _text(text: str, x: float, y: float, kind: str = "", *, anchor: str = "start") -> Markup:
    attributes = {"x": float(x), "y": float(y), "class": kind, "text-anchor": anchor}
    return element("text", {key: value for key, value in attributes.items() if value}, plain_text(text))


def _shortened(text: str, width: float) -> str:
    most = int(width / _LETTER)
    return text if len(text) <= most else f"{text[: most - 1]}…"
