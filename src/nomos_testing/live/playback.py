"""The position of a view in a run: it follows the newest entry, or plays the run back at any speed."""

from __future__ import annotations

from math import inf
from typing import Final

from nomos_testing.journal.events import RunEnded
from nomos_testing.journal.journal import Entry
from nomos_testing.live.model import RunState

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


class Playback:
    """The entries of a run, and the state of the run at one position.

    Attributes:
        state: the state at the position.
        following: True if the position is the newest entry, also of those to come.
        playing: True if a position in the past moves on by itself.
        speed: seconds of the run per second.
        end: the time of the newest entry.
        run_is_over: True if the journal says that the run has ended, wherever the position is.
    """

    def __init__(self) -> None:
        self.state = RunState()
        self.following = True
        self.playing = True
        self.speed = 1.0
        self.end = 0.0
        self.run_is_over = False
        self._entries: list[Entry] = []
        self._taken = 0
        self._position = 0.0
        self._since_newest = 0.0

    @property
    def position(self) -> float:
        """The position, in seconds since the journal was opened."""
        return self.end + self._since_newest if self.following else self._position

    @property
    def silent_seconds(self) -> float:
        """Seconds since the newest entry was read, while the position follows it."""
        return self._since_newest

    def add(self, entries: list[Entry]) -> None:
        """Add the entries that were read since."""
        if not entries:
            return
        self._entries += entries
        self._since_newest = 0.0
        self.end = max(self.end, *(entry.at for entry in entries))
        self.run_is_over = self.run_is_over or any(isinstance(entry.event, RunEnded) for entry in entries)
        if self.following:
            self._take_until(inf)

    def advance(self, seconds: float) -> None:
        """Let time pass. A playback that reaches the newest entry of a run in progress follows it from there."""
        if self.following:
            if not self.run_is_over:
                self._since_newest += seconds
        elif self.playing:
            self._move(self._position + seconds * self.speed)

    def seek(self, position: float) -> None:
        """Go to a position."""
        position = max(position, 0.0)
        self.following = False
        if self._taken and self._entries[self._taken - 1].at > position:
            self.state, self._taken = RunState(), 0
        self._move(position)

    def follow(self) -> None:
        """Go to the newest entry, and follow the run from there."""
        self.following = True
        self._take_until(inf)

    def toggle(self) -> None:
        """Pause or play. At the end of a run that is over, play from its start."""
        if not self.following:
            self.playing = not self.playing
        elif self.run_is_over:
            self.playing = True
            self.seek(0.0)
        else:
            self.following = self.playing = False
            self._position = self.end

    def faster(self) -> None:
        """Double the speed."""
        self.speed = next((speed for speed in SPEEDS if speed > self.speed), self.speed)

    def slower(self) -> None:
        """Halve the speed."""
        self.speed = next((speed for speed in reversed(SPEEDS) if speed < self.speed), self.speed)

    def _move(self, position: float) -> None:
        if position >= self.end and self._entries:
            self.follow()
            return
        self._position = position
        self._take_until(position)

    def _take_until(self, position: float) -> None:
        entries, taken = self._entries, self._taken
        while taken < len(entries) and entries[taken].at <= position:
            self.state.take(entries[taken])
            taken += 1
        self._taken = taken
