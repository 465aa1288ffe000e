"""The last lines of a node's log before a moment, without reading the whole log.

Log files grow to many megabytes, and a view looks at them several times a second. The lines of a file are in the order
of their times, so that a moment is found by bisection, and only the piece before it is read.
"""

from __future__ import annotations

import heapq
import os
from pathlib import Path
from typing import BinaryIO, Final

from nomos_testing.evidence.node_logs import LogLine, log_files, read_lines

_FIRST_BYTES: Final = 64 << 10
"""Bytes that are read first. If they have too few lines, more are read."""
_MOST_BYTES: Final = 4 << 20
"""Bytes that are searched for lines with a text."""
_BISECTION_BYTES: Final = 16 << 10


def log_window(
    directory: Path, node: str, journal_began: float, *, until: float, limit: int, search: str = ""
) -> list[LogLine]:
    """Return the last lines of a node's log before a moment, oldest first.

    Args:
        directory: the run directory.
        node: the node's name.
        journal_began: when the journal was opened, in seconds of the Unix epoch.
        until: the moment, in seconds since the journal was opened.
        limit: the most lines.
        search: only lines with this text, in any case of letters.
    """
    found = []
    for path in log_files(directory / node):
        try:
            with path.open("rb") as file:
                found.append(_LogFile(file, path, node, journal_began).before(until, limit, search.casefold()))
        except OSError:  # the logs of a passed run are deleted at its end
            continue
    return list(heapq.merge(*found, key=lambda line: line.at))[-limit:]


class _LogFile:
    def __init__(self, file: BinaryIO, path: Path, node: str, journal_began: float) -> None:
        self._file = file
        self._path = path
        self._node = node
        self._journal_began = journal_began
        self._size = os.fstat(file.fileno()).st_size

    def before(self, until: float, limit: int, search: str) -> list[LogLine]:
        end = self._end_of_lines_before(until)
        length = _FIRST_BYTES
        while True:
            start = max(end - length, 0)
            found = [
                line
                for line in self._piece(start, end)
                if line.at <= until and (not search or search in f"{line.level} {line.target} {line.text}".casefold())
            ]
            if len(found) >= limit or not start or length >= _MOST_BYTES:
                return found[-limit:]
            length *= 4

    def _end_of_lines_before(self, until: float) -> int:
        """Return an offset behind every line before the moment, and not far behind the last of them."""
        low, high = 0, self._size
        while high - low > _BISECTION_BYTES:
            middle = (low + high) // 2
            first = next((line.at for line in self._piece(middle, middle + _BISECTION_BYTES // 2) if line.level), None)
            if first is None or first > until:
                high = middle
            else:
                low = middle
        return min(high + _BISECTION_BYTES, self._size)

    def _piece(self, start: int, end: int) -> list[LogLine]:
        """Read the lines that begin between two offsets."""
        self._file.seek(start)
        lines = self._file.read(end - start).splitlines()
        if start:
            del lines[:1]  # the rest of a line that began before
        read = list(read_lines(lines, self._path, self._node, self._journal_began))
        first = next((line.at for line in read if line.level), 0.0) if start else 0.0
        return list(read_lines(lines, self._path, self._node, self._journal_began, at=first)) if first else read
