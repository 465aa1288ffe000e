"""The section of the timeline: events, and warnings of nodes, in order, and no more than a reader can look at."""

from __future__ import annotations

import heapq
import re
import shlex
from collections.abc import Iterator
from itertools import islice
from typing import Final

from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.evidence.timeline import LOG, TimelineItem, event_items, log_items
from nomos_testing.report.log_scan import in_order, severe_lines
from nomos_testing.report.page import Block, Cell, Command, Paragraph, Section, Table, Tone

_MOST_ROWS: Final = 400
_MOST_LOG_LINES: Final = 200
"""Warnings and errors of all nodes, the first of each."""
_LONGEST_TEXT: Final = 400
"""Characters of a row."""
_ID: Final = re.compile(r"\b(?:0x)?[0-9a-f]{40,}\b")
_ID_CHARACTERS: Final = 12
_TONES: Final[dict[str, Tone]] = {"ERROR": "bad", "WARN": "warning"}
_LEFT_OUT: Final = frozenset({"block", "wait"})
"""Kinds of events that are shown only if they are warnings or errors."""
_WEIGHTS: Final = {"verdict": 3, "fault": 2, "phase": 2}
"""The weight of kinds of events. Those of little weight are left out first."""


def timeline_section(record: RunRecord) -> Section:
    """Return the section."""
    return Section("timeline", "Timeline", list(_blocks(record)))


def _blocks(record: RunRecord) -> Iterator[Block]:
    told = [item for item in event_items(record.entries) if item.kind not in _LEFT_OUT or item.level in _TONES]
    items = list(heapq.merge(told, _log_lines(record), key=lambda item: item.at))
    kept = items
    for weight in (1, 2, 3):
        if len(kept) > _MOST_ROWS:
            kept = [item for item in kept if _weight(item) >= weight]
    kept = kept[:_MOST_ROWS]
    rows: list[list[Cell | str]] = [
        [f"{item.at:.2f}", item.source, Cell(_short(item.text), _TONES.get(item.level, ""))] for item in kept
    ]
    if len(kept) < len(items):
        yield Paragraph(f"{len(kept)} of {len(items)} lines: the ones that matter most.")
    if rows:
        yield Table("Timeline", ("seconds", "source", "event"), rows)
    yield Paragraph("This command prints all of it, with every block and every line of the logs:")
    yield Command(f"nomos-testing logs {shlex.quote(str(record.directory))}")


def _short(text: str) -> str:
    """Shorten long ids, and then a long text."""
    return _ID.sub(lambda found: f"{found[0][:_ID_CHARACTERS]}\u2026", text)[:_LONGEST_TEXT]


def _weight(item: TimelineItem) -> int:
    if item.kind == LOG:
        return int(item.level == "ERROR")
    return 3 if item.level == "ERROR" else _WEIGHTS.get(item.kind, int(item.level in _TONES))


def _log_lines(record: RunRecord) -> list[TimelineItem]:
    nodes = record.node_names()
    most = _MOST_LOG_LINES // max(1, len(nodes))
    lines = [line for node in nodes for line in islice(severe_lines(record, node), most)]
    return list(log_items(in_order(lines)))
