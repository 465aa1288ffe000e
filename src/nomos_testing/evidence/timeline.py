"""The timeline of a run: its nodes' logs and the events of its journal, merged by time.

It is a stream: however long the logs are, only one line of each file is in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from nomos_testing.evidence.event_texts import EventText, event_text
from nomos_testing.evidence.node_logs import LogLine, plain_text
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.journal import Entry

LOG: Final = "log"
"""The kind of a line of a node's log. The other kinds are those of ``EventText``."""
LEVELS: Final = ("trace", "debug", "info", "warn", "error")
"""From the least to the most serious."""
_RANKS: Final = {level.upper(): rank for rank, level in enumerate(LEVELS)} | {"WARNING": 3, "CRITICAL": 4}


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """A line of the timeline."""

    at: float
    """Seconds since the journal was opened, by a right clock."""
    source: str
    """Name of the node; of an event also ``run``, ``network``, ``fault 1``, or the name of an expectation."""
    kind: str
    """``log``, or the kind of the event: ``fault``, ``block``, ``verdict``, ..."""
    level: str
    """``INFO``, ``WARN``, ``ERROR``; that of the line before it if a line of a log has none."""
    text: str
    """One line without control characters."""


def timeline(
    record: RunRecord,
    *,
    nodes: Collection[str] | None = None,
    since: float | None = None,
    until: float | None = None,
    levels: Collection[str] | None = None,
    logs: bool = True,
) -> Iterator[TimelineItem]:
    """Yield the lines in the order of their times.

    Args:
        record: the run.
        nodes: only logs and events of these nodes, and the events that concern no single node. None: all nodes.
        since: the first second.
        until: the last second.
        levels: only lines and events of these levels, such as ``{"WARN", "ERROR"}``. None: all levels.
        logs: False leaves the nodes' logs out.
    """
    names = record.node_names()
    chosen = [name for name in names if nodes is None or name in nodes]
    others = frozenset(names) - frozenset(chosen)
    sources = [event_items(record.entries)]
    if logs:
        sources += [log_items(record.log_of(name)) for name in chosen]
    for item in heapq.merge(*sources, key=attrgetter("at")):
        if until is not None and item.at > until:
            return
        if since is not None and item.at < since:
            continue
        if item.source not in others and (levels is None or item.level in levels):
            yield item


def event_items(entries: Iterable[Entry]) -> Iterator[TimelineItem]:
    """Yield a line for each event that has a text."""
    for entry in entries:
        told = event_text(entry.event)
        if told is not None:
            yield event_item(entry.at, told)


def event_item(at: float, told: EventText) -> TimelineItem:
    """Make the line of an event."""
    text = plain_text(" ".join(told.text.split("\n")))
    return TimelineItem(at, plain_text(told.source), told.kind, told.level, text)


def log_items(lines: Iterable[LogLine]) -> Iterator[TimelineItem]:
    """Yield a line for each line of a log. One without a level, such as that of a traceback, belongs to the last."""
    level = "INFO"
    for line in lines:
        level = line.level or level
        text = f"{line.target}: {line.text}" if line.target else line.text
        yield TimelineItem(line.at, line.node, LOG, level, text)


def levels_from(level: str) -> frozenset[str]:
    """Return the names of all levels that are at least as serious: ``warn`` gives WARN, WARNING, ERROR, CRITICAL."""
    lowest = LEVELS.index(level)
    return frozenset(name for name, rank in _RANKS.items() if rank >= lowest)
