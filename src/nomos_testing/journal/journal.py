"""The journal of a run: JSON lines, append-only, each handed to the kernel before the run goes on.

Keys of every line: ``at`` (seconds since the journal was opened, by the monotonic clock), ``time`` (wall clock, UTC)
and ``kind``; then the event's own. A reader takes whole lines only, so that a journal can be followed while it is
written and read after the writer was killed. A whole line that it cannot read becomes an ``UnreadableLine``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nomos_testing.journal.events import OtherEvent, UnreadableLine, event_from_json, event_to_json, kind_of
from nomos_testing.surroundings import THIS_MACHINE, Surroundings

JOURNAL_NAME = "journal.jsonl"
"""Name of the file in the run directory."""
_SHOWN_CHARACTERS: Final = 200
"""Of a line that cannot be read."""

_LONGEST_LOGGED: Final = 1000
"""Characters of an event in the log; the journal has all of it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    at: float
    """Seconds since the journal was opened."""
    time: str
    """UTC, ISO 8601 with microseconds."""
    event: Any
    """One of the dataclasses of ``journal_events``."""


Listener = Callable[[Entry], None]


class Journal:
    """The writer of a run's journal. Listeners see every entry as it is written.

    Attributes:
        path: the file.
        opened: when it was opened, in seconds of its clock.
    """

    def __init__(
        self, path: Path, *, surroundings: Surroundings = THIS_MACHINE, clock: Callable[[], float] | None = None
    ) -> None:
        """
        Args:
            path: the file.
            surroundings: give the wall clock.
            clock: gives ``at``; the running event loop's clock by default, and then a loop must run here.
        """
        self.path = path
        self._surroundings = surroundings
        # The loop's own method, because entries may come from other threads, where no loop runs.
        self._clock = asyncio.get_running_loop().time if clock is None else clock
        self.opened = self._clock()
        self.began = surroundings.unix_time()
        """The wall clock at the opening, in seconds of the Unix epoch."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._listeners: list[Listener] = []
        self._closed = False

    @property
    def elapsed(self) -> float:
        """Seconds since the journal was opened."""
        return self._clock() - self.opened

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every entry from now on. A listener that raises is dropped and the run goes on."""
        self._listeners.append(listener)

    def write(self, event: Any, **fields: Any) -> Entry:
        """Append an event: one of ``journal_events``, or a kind by name with its fields (JSON values)."""
        entry = Entry(self.elapsed, self._wall_clock(), OtherEvent(event, fields) if isinstance(event, str) else event)
        # One write call a line: lines of the reaper, who appends too, never mix with ours.
        # A lone surrogate (a file name that is not UTF-8) becomes the escape by which JSON writes it.
        os.write(self._file, to_line(entry).encode(errors="backslashreplace"))
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s", _shown(entry.event))
        for listener in list(self._listeners):
            self._tell(listener, entry)
        return entry

    def close(self) -> None:
        """Close the file."""
        if not self._closed:
            self._closed = True
            os.close(self._file)

    def _wall_clock(self) -> str:
        return self._surroundings.utc().isoformat(timespec="microseconds")

    def _tell(self, listener: Listener, entry: Entry) -> None:
        try:
            listener(entry)
        except Exception:
            self._listeners.remove(listener)
            _log.exception("a journal listener failed and is dropped")


def _shown(event: Any) -> str:
    text = " ".join([kind_of(event), *(f"{key}={value!r}" for key, value in event_to_json(event).items())])
    return text if len(text) <= _LONGEST_LOGGED else text[:_LONGEST_LOGGED] + "..."


def to_line(entry: Entry) -> str:
    """Return the line of the journal for an entry."""
    head = {"at": round(entry.at, 6), "time": entry.time, "kind": kind_of(entry.event)}
    return json.dumps(head | event_to_json(entry.event), separators=(",", ":"), ensure_ascii=False) + "\n"


def from_line(line: str) -> Entry:
    """Read one line of a journal.

    Raises:
        ValueError: it is not one; the text says why.
    """
    values = json.loads(line)
    if not isinstance(values, dict):
        raise ValueError(f"expected an object, got {type(values).__name__}")
    missing = [key for key in ("at", "time", "kind") if key not in values]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    at, wall, kind = values.pop("at"), values.pop("time"), values.pop("kind")
    if not isinstance(at, int | float) or not isinstance(kind, str):
        raise ValueError(f"expected a number `at` and a text `kind`, got {at!r} and {kind!r}")
    return Entry(float(at), str(wall), event_from_json(kind, values))


def read_journal(path: Path) -> Iterator[Entry]:
    """Yield every entry written so far. A last line that is still being written is left out.

    A line that cannot be read is an ``UnreadableLine``, with the time of the entry before it.
    """
    at, wall = 0.0, ""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                entry = from_line(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                start = line[:_SHOWN_CHARACTERS].decode("utf-8", errors="replace").rstrip("\n")
                entry = Entry(at, wall, UnreadableLine(number, start, str(error)))
            yield entry
            at, wall = entry.at, entry.time
