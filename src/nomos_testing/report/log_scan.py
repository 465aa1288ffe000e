"""The lines of a node's log that a report shows, found without reading the others.

Logs can be large, and a report needs little of them. Most lines are judged by the bytes of their time and their level.
Only the log of a node whose clock was put off is read as a whole, because its times are not those of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nomos_testing.evidence.node_clocks import NodeClock
from nomos_testing.evidence.node_logs import LogLine, log_files, read_lines
from nomos_testing.evidence.run_record import RunRecord

SEVERE: Final = frozenset({"WARN", "ERROR"})
"""The levels of lines that people should see."""
_SEVERE_BYTES: Final = tuple(f" {level} ".encode() for level in SEVERE)
_TIME_BYTES: Final = len("2026-01-01T00:00:00.000000")
_HEAD_BYTES: Final = 40
"""Time and level of a line are in its first bytes."""

Window = tuple[float, float]
"""First and last second, on the journal's clock."""


def lines_within(record: RunRecord, node: str, windows: Sequence[Window]) -> Iterator[LogLine]:
    """Yield the lines of a node within one of some windows, file by file. Lines without a time follow theirs."""
    ranges = [(_stamp(record, first), _stamp(record, last)) for first, last in windows]
    yield from _found(
        record,
        node,
        lambda head: any(first <= head[:_TIME_BYTES] <= last for first, last in ranges),
        lambda line: any(first <= line.at <= last for first, last in windows),
    )


def severe_lines(record: RunRecord, node: str) -> Iterator[LogLine]:
    """Yield the warnings and errors of a node, file by file."""
    yield from _found(
        record,
        node,
        lambda head: any(level in head for level in _SEVERE_BYTES),
        lambda line: line.level in SEVERE,
    )


def _found(
    record: RunRecord, node: str, raw: Callable[[bytes], bool], parsed: Callable[[LogLine], bool]
) -> Iterator[LogLine]:
    if NodeClock(node, record.entries).was_put_off:
        yield from filter(parsed, record.log_of(node))
        return
    for path in log_files(record.directory / node):
        yield from read_lines(_raw_lines(path, raw), path, node, record.began)


def _raw_lines(path: Path, wanted: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Yield the lines whose first bytes are wanted, and the lines without a time that follow them."""
    try:
        file = path.open("rb")
    except OSError:  # it was removed meanwhile
        return
    follows = False
    with file:
        for line in file:
            if line[4:5] == b"-" and line[10:11] == b"T":
                follows = wanted(line[:_HEAD_BYTES])
            if follows:
                yield line


def _stamp(record: RunRecord, at: float) -> bytes:
    return datetime.fromtimestamp(record.began + at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode()


def in_order(lines: Iterable[LogLine]) -> list[LogLine]:
    """Return lines in the order of their times. A line that two files have comes once."""
    return list({(line.at, line.text): line for line in sorted(lines, key=lambda line: line.at)}.values())
