"""Follows the logs and the journal of a run in progress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Final

from nomos_testing.evidence.node_clocks import NodeClock, RightTimes
from nomos_testing.evidence.node_logs import log_files, read_lines
from nomos_testing.evidence.run_record import RunRecord, read_run
from nomos_testing.evidence.timeline import TimelineItem, event_items, log_items
from nomos_testing.journal.events import RunEnded
from nomos_testing.journal.journal import JOURNAL_NAME, Entry
from nomos_testing.live.journal_follower import JournalFollower

_PIECE_BYTES: Final = 1 << 22


class LogFollower:
    """Gives the run until now as a record, and then the lines that were added since the last look."""

    def __init__(self, run_directory: Path) -> None:
        """
        Raises:
            NotARun: there is no journal.
        """
        record = read_run(run_directory)
        self._followed: dict[Path, _FollowedLog] = {}
        self._clocks = {name: NodeClock(name, record.entries) for name in record.node_names()}
        for name in self._clocks:
            for path in log_files(record.directory / name):
                self._followed[path] = _FollowedLog(path, name, self._clocks[name], _whole_bytes(path))
        sizes = {path: log.offset for path, log in self._followed.items()}
        self.record: RunRecord = replace(record, log_sizes=sizes)
        self.ended = any(isinstance(entry.event, RunEnded) for entry in record.entries[-1:])
        """True once the run has ended."""
        self._journal = JournalFollower(record.directory / JOURNAL_NAME)
        self._known = len(record.entries)

    @property
    def node_names(self) -> list[str]:
        """Names of all nodes so far."""
        return list(self._clocks)

    def read(self) -> list[TimelineItem]:
        """Return the lines since the last look, by time."""
        # The logs come first: so the journal already says that a clock was put off when one of its lines was written.
        pieces = [(log, log.read()) for log in self._logs()]
        entries = list(self._entries())
        for entry in entries:
            for clock in self._clocks.values():
                clock.take(entry)
        self.ended = self.ended or any(isinstance(entry.event, RunEnded) for entry in entries)
        items = [item for log, lines in pieces for item in log.items(lines, self.record.began)]
        # A line that two files have comes once.
        return list(dict.fromkeys(sorted([*items, *event_items(entries)], key=attrgetter("at"))))

    def _entries(self) -> Iterator[Entry]:
        more = True
        while more:
            entries, more = self._journal.read()
            new = entries[self._known :]
            self._known = max(0, self._known - len(entries))
            yield from new

    def _logs(self) -> list[_FollowedLog]:
        for name in self.record.node_names():
            clock = self._clocks.setdefault(name, NodeClock(name, self.record.entries))
            for path in log_files(self.record.directory / name):
                if path not in self._followed:
                    self._followed[path] = _FollowedLog(path, name, clock, 0)
        return list(self._followed.values())


class _FollowedLog:
    """A log file, read from an offset on."""

    def __init__(self, path: Path, node: str, clock: NodeClock, offset: int) -> None:
        self.offset = offset
        self._path = path
        self._node = node
        self._times = RightTimes(clock)
        self._at = 0.0

    def read(self) -> list[bytes]:
        """Read the whole lines that were added. A log that is gone has none."""
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                piece = file.read(_PIECE_BYTES)
        except OSError:
            return []
        whole = piece[: piece.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.splitlines(keepends=True)

    def items(self, lines: list[bytes], journal_began: float) -> list[TimelineItem]:
        """Return the lines of the timeline for lines of the file."""
        read = list(read_lines(lines, self._path, self._node, journal_began, at=self._at))
        if read:
            self._at = read[-1].at
        return list(log_items(map(self._times.of, read)))


def _whole_bytes(path: Path) -> int:
    """Return the bytes of a file up to the end of its last whole line."""
    total = 0
    with path.open("rb") as file:
        for line in file:
            total += len(line) if line.endswith(b"\n") else 0
    return total
