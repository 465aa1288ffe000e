"""The section of log excerpts: the lines of each node around each failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.evidence.moments import RunFailure, failures
from nomos_testing.evidence.node_logs import LogLine, log_files
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.outcome import VerdictKind
from nomos_testing.report.log_scan import SEVERE, Window, in_order, lines_within
from nomos_testing.report.page import Block, Lines, Paragraph, Section

SECONDS_BEFORE: Final = 4.0
SECONDS_AFTER: Final = 2.0
_MOST_FAILURES: Final = 8
_SAME_MOMENT: Final = 2.0
"""Failures within so many seconds are shown together."""
_MOST_LINES: Final = 40
"""Lines of one node around one failure."""
_MOST_LINES_OF_ALL: Final = 1600
_FEWEST_LINES: Final = 4
_LONGEST_LINE: Final = 300
"""Characters of a line."""


def failure_logs_section(record: RunRecord, causes: Sequence[Cause]) -> Section:
    """Return the section. It is empty for a run in which nothing failed.

    Args:
        record: the run.
        causes: the likely causes of its failures.
    """
    return Section("logs", "Node logs around failures", list(_blocks(record, causes)))


def _failures(record: RunRecord, causes: Sequence[Cause]) -> list[RunFailure]:
    """Return the moments at which something failed, or began to. Those close together are one."""
    nodes = record.node_names()
    found = [RunFailure(cause.title, cause.at) for cause in causes if cause.at is not None]
    for failure in failures(record):
        text = "ended by itself" if failure.name in nodes else "failed"
        found.append(RunFailure(f"{failure.name} {text}", failure.at))
    together: list[RunFailure] = []
    for failure in sorted(found, key=lambda failure: failure.at):
        if together and failure.at - together[-1].at <= _SAME_MOMENT:
            together[-1] = RunFailure(f"{together[-1].name}; {failure.name}", together[-1].at)
        else:
            together.append(failure)
    return together


def _blocks(record: RunRecord, causes: Sequence[Cause]) -> Iterator[Block]:
    if record.summary.kind is VerdictKind.PASSED:
        return
    found = _failures(record, causes)
    shown = found[:_MOST_FAILURES]
    if not shown:
        return
    nodes = [node for node in record.node_names() if log_files(record.directory / node)]
    if not nodes:
        yield Paragraph("The run directory has no logs of nodes.")
        return
    if len(found) > len(shown):
        yield Paragraph(f"The first {len(shown)} of {len(found)} failures.")
    most = min(_MOST_LINES, max(_FEWEST_LINES, _MOST_LINES_OF_ALL // (len(shown) * len(nodes))))
    windows = [(failure.at - SECONDS_BEFORE, failure.at + SECONDS_AFTER) for failure in shown]
    excerpts = {node: _excerpts(record, node, windows, most) for node in nodes}
    for number, failure in enumerate(shown):
        yield Paragraph(f"{failure.at:.2f} s: {failure.name}", "bad")
        for node in nodes:
            lines = excerpts[node][number]
            title = node if lines else f"{node}: no lines in these seconds"
            yield Lines(title, lines or ["(nothing)"], unfolded=bool(lines) and node in failure.name)


def _excerpts(record: RunRecord, node: str, windows: Sequence[Window], most: int) -> list[list[str]]:
    """Return the lines of a node in each window."""
    found = [_Excerpt(most) for _ in windows]
    for line in lines_within(record, node, windows):
        for excerpt, (first, last) in zip(found, windows, strict=True):
            if first <= line.at <= last:
                excerpt.take(line)
    return [[_shown(line) for line in excerpt.lines()] for excerpt in found]


class _Excerpt:
    """The lines of an excerpt: warnings and errors first, and the last of the others, as many as there may be."""

    def __init__(self, most: int) -> None:
        self._severe: deque[LogLine] = deque(maxlen=most)
        self._others: deque[LogLine] = deque(maxlen=most)
        self._most = most

    def take(self, line: LogLine) -> None:
        """Take a line."""
        (self._severe if line.level in SEVERE else self._others).append(line)

    def lines(self) -> list[LogLine]:
        """Return the lines in the order of their times."""
        room = max(self._most // 2, self._most - len(self._severe))
        others = list(self._others)[-room:]
        return in_order([*list(self._severe)[-(self._most - len(others)) :], *others])


def _shown(line: LogLine) -> str:
    head = " ".join(part for part in (line.level, f"{line.target}:" if line.target else "") if part)
    return f"{line.at:9.3f} {head} {line.text}"[:_LONGEST_LINE]
