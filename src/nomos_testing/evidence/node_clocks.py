"""Right times for the log lines of nodes whose clocks were put off during the run.

The journal says when a clock was put off, by how much, and when it was put right. Lines come in the order in which they
were written. So each belongs to the first period, from that of the line before it on, in which its time makes sense.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from nomos_testing.evidence.node_logs import LogLine
from nomos_testing.journal.events import NodeControlled
from nomos_testing.journal.journal import Entry

_PUT_OFF: Final = re.compile(r"put the clock (?P<seconds>[+-][0-9.e+]+) s off")
_PUT_RIGHT: Final = "put the clock right"
_TOLERANCE_SECONDS: Final = 0.5
"""A clock changes some time before the control has seen it, and lines of several threads may be out of order."""


@dataclass(frozen=True, slots=True)
class ClockPeriod:
    """A time in which the clock of a node was off by the same amount. Times are on the journal's clock."""

    began: float
    ended: float
    seconds: float
    """Its shift; 0 while it was right."""


class NodeClock:
    """The periods of a node's clock, without gaps. A clock that was never put off has one."""

    def __init__(self, node: str, entries: Iterable[Entry] = ()) -> None:
        self._node = node
        self.periods = [ClockPeriod(-inf, inf, 0.0)]
        for entry in entries:
            self.take(entry)

    @property
    def was_put_off(self) -> bool:
        """True if it was put off at least once."""
        return len(self.periods) > 1

    def take(self, entry: Entry) -> None:
        """Take the next entry of the journal."""
        event = entry.event
        if not isinstance(event, NodeControlled) or event.node != self._node:
            return
        found = _PUT_OFF.fullmatch(event.action)
        if found is None and event.action != _PUT_RIGHT:
            return
        self.periods[-1] = replace(self.periods[-1], ended=entry.at)
        shift = float(found["seconds"]) if found else 0.0
        self.periods.append(ClockPeriod(entry.at - event.seconds, inf, shift))


class RightTimes:
    """Gives the lines of one log file the times that a right clock would have shown."""

    def __init__(self, clock: NodeClock) -> None:
        self._clock = clock
        self._current = 0
        self._last = -inf

    def of(self, line: LogLine) -> LogLine:
        """Return the next line of the file with its right time."""
        periods = self._clock.periods
        if len(periods) == 1:
            return line
        later = range(self._current, len(periods))
        self._current = next((index for index in later if self._fits(line, periods[index])), self._current)
        at = line.at - periods[self._current].seconds
        self._last = max(self._last, at)
        return replace(line, at=at)

    def _fits(self, line: LogLine, period: ClockPeriod) -> bool:
        at = line.at - period.seconds
        earliest = max(period.began, self._last) - _TOLERANCE_SECONDS
        return earliest <= at <= period.ended + _TOLERANCE_SECONDS
