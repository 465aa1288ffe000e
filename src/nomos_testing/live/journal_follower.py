"""Follows a journal that another process writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nomos_testing.journal.events import UnreadableLine
from nomos_testing.journal.journal import Entry, from_line

_PIECE_BYTES: Final = 1 << 20
"""Bytes of one read. A view draws itself between two reads of a long journal."""
_SHOWN_CHARACTERS: Final = 200
"""Of a line that cannot be read."""


class JournalFollower:
    """Reads the entries that were added to a journal since the last look.

    A last line without its end waits until it is whole. A line that cannot be read becomes an ``UnreadableLine``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._torn = b""
        self._lines = 0
        self._at, self._time = 0.0, ""

    @property
    def exists(self) -> bool:
        """True if there is a journal."""
        return self.path.is_file()

    def read(self) -> tuple[list[Entry], bool]:
        """Read the next piece of the journal: its entries, and whether more is to be read at once.

        A journal that is not there yet has no entries.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                piece = file.read(_PIECE_BYTES)
        except FileNotFoundError:
            return [], False
        self._offset += len(piece)
        *lines, self._torn = (self._torn + piece).split(b"\n")
        return [self._entry(line) for line in lines], len(piece) == _PIECE_BYTES

    def _entry(self, line: bytes) -> Entry:
        self._lines += 1
        try:
            entry = from_line(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            start = line[:_SHOWN_CHARACTERS].decode("utf-8", errors="replace")
            return Entry(self._at, self._time, UnreadableLine(self._lines, start, str(error)))
        self._at, self._time = entry.at, entry.time
        return entry
