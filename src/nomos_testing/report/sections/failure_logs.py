"""The section of log excerpts: the lines of each node around each failure.

Logs can be large, and a report needs little of them. A line is compared by the bytes of its time, and only the lines
that are shown are read further.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.evidence.node_logs import log_files, plain_text
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.journal.events import ExpectationJudged, NodeExited, PhaseEnded, WaitEnded
from nomos_testing.outcome import VerdictKind
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
_TIME_BYTES: Final = len("2026-01-01T00:00:00.000000")
_SEVERE: Final = (b" WARN ", b" ERROR ")


@dataclass(frozen=True, slots=True)
class Failure:
    """A moment at which something failed."""

    at: float
    """The moment, on the journal's clock."""
    text: str
    """The failure in words."""


def logs_section(record: RunRecord, causes: Sequence[Cause]) -> Section:
    """Return the section. It is empty for a run in which nothing failed.

    Args:
        record: the run.
        causes: the likely causes of its failures.
    """
    return Section("logs", "Node logs around failures", list(_blocks(record, causes)))


def failures_of(record: RunRecord, causes: Sequence[Cause]) -> list[Failure]:
    """Return the moments at which something failed, or began to. Those close together are one."""
    began = [Failure(cause.at, cause.title) for cause in causes if cause.at is not None]
    together: list[Failure] = []
    for failure in sorted([*began, *_moments(record)], key=lambda failure: failure.at):
        if together and failure.at - together[-1].at <= _SAME_MOMENT:
            if failure.text not in together[-1].text:
                together[-1] = Failure(together[-1].at, f"{together[-1].text}; {failure.text}")
        else:
            together.append(failure)
    return together


def _moments(record: RunRecord) -> Iterator[Failure]:
    run_ended = record.duration
    for entry in record.entries:
        match entry.event:
            case NodeExited(expected=False) as event:
                yield Failure(entry.at, f"{event.node} ended: {event.status}")
            case ExpectationBroken() as event:
                yield Failure(entry.at, f"{event.expectation} does not hold")
            case WaitEnded(fulfilled=False) as event:
                yield Failure(entry.at, f"gave up waiting for {event.waited_for}")
            case PhaseEnded(error=str()) as event:
                yield Failure(entry.at, f"phase {event.phase} failed")
            case PhaseEnded(phase="run"):
                run_ended = entry.at
            case ExpectationJudged(passed=False) as event:
                # It was judged after the run; the network did what it did until the run's end.
                yield Failure(run_ended, f"{event.expectation} does not hold at the end of the run")


def _blocks(record: RunRecord, causes: Sequence[Cause]) -> Iterator[Block]:
    if record.summary.kind is VerdictKind.PASSED:
        return
    failures = failures_of(record, causes)
    if not failures:
        return
    nodes = [node for node in record.node_names() if log_files(record.directory / node)]
    if not nodes:
        yield Paragraph("The run directory has no logs of nodes.")
        return
    shown = failures[:_MOST_FAILURES]
    if len(failures) > len(shown):
        yield Paragraph(f"The first {len(shown)} of {len(failures)} failures.")
    most = min(_MOST_LINES, max(_FEWEST_LINES, _MOST_LINES_OF_ALL // (len(shown) * len(nodes))))
    excerpts = {node: _excerpts(record, node, shown, most) for node in nodes}
    for number, failure in enumerate(shown):
        yield Paragraph(f"{failure.at:.2f} s: {failure.text}", "bad")
        for node in nodes:
            lines = excerpts[node][number]
            title = node if lines else f"{node}: no lines in these seconds"
            yield Lines(title, lines or ["(nothing)"], unfolded=bool(lines) and node in failure.text)


def _excerpts(record: RunRecord, node: str, failures: Sequence[Failure], most: int) -> list[list[str]]:
    """Return the lines of a node around each failure."""
    windows = [(_stamp(record, item.at - SECONDS_BEFORE), _stamp(record, item.at + SECONDS_AFTER)) for item in failures]
    found: list[_Excerpt] = [_Excerpt(most) for _ in failures]
    for path in log_files(record.directory / node):
        for raw in _lines_between(path, windows[0][0], windows[-1][1]):
            time = raw[:_TIME_BYTES]
            for excerpt, (first, last) in zip(found, windows, strict=True):
                if first <= time <= last:
                    excerpt.take(raw)
    return [[_shown(record, raw) for raw in excerpt.lines()] for excerpt in found]


def _lines_between(path: Path, first: bytes, last: bytes) -> Iterator[bytes]:
    """Yield the lines with a time in a range, and the lines without a time that follow them, with their time."""
    try:
        file = path.open("rb")
    except OSError:  # it was removed meanwhile
        return
    time = b""
    with file:
        for line in file:
            if line[4:5] == b"-" and line[10:11] == b"T":
                time = line[:_TIME_BYTES]
                if first <= time <= last:
                    yield line
            elif time and first <= time <= last:
                yield time + b"Z " + line


class _Excerpt:
    """The lines of an excerpt: all warnings and errors, and the last of the others, as many as there may be."""

    def __init__(self, most: int) -> None:
        self._severe: deque[bytes] = deque(maxlen=most)
        self._others: deque[bytes] = deque(maxlen=most)
        self._most = most

    def take(self, raw: bytes) -> None:
        """Take a line; long ones are cut."""
        raw = raw[: 4 * _LONGEST_LINE]
        head = raw[: _TIME_BYTES + 10]
        (self._severe if any(level in head for level in _SEVERE) else self._others).append(raw)

    def lines(self) -> list[bytes]:
        """Return the lines in the order of their times. A line that two files have comes once."""
        room = max(self._most // 2, self._most - len(self._severe))
        others = list(self._others)[-room:]
        severe = list(self._severe)[-(self._most - len(others)) :]
        return list(dict.fromkeys(sorted([*severe, *others], key=lambda raw: raw[:_TIME_BYTES])))


def _stamp(record: RunRecord, at: float) -> bytes:
    moment = datetime.fromtimestamp(record.began + at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").encode()


def _shown(record: RunRecord, raw: bytes) -> str:
    text = plain_text(raw.decode(errors="replace").rstrip("\r\n"))[:_LONGEST_LINE]
    time, _, rest = text.partition(" ")
    try:
        at = datetime.fromisoformat(time).timestamp() - record.began
    except ValueError:
        return text
    return f"{at:9.3f} {rest.lstrip()}"
