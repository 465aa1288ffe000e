"""Clock of slots: one tick at the start of each slot of the chain's schedule, by the wall clock.

The first tick is that of the slot after the current one. A node that was stopped or overloaded does not get the missed
slots. It goes on with the current slot. The clock is read at least once in the length of a slot, so that the node
follows changes of the system's time. When the clock goes back, no slot comes twice. The NTP servers of the
configuration are not asked: the time service of the machine sets the clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from nomos_core.cryptarchia.slots import SlotSchedule
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_time")
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SlotTick:
    """Start of a slot."""

    slot: int
    start_ns: int
    """Start of the slot, in nanoseconds of the Unix epoch."""


@dataclass(frozen=True, slots=True)
class SlotClock:
    """Clock of slots."""

    schedule: SlotSchedule
    now_ns: Callable[[], int]
    """Wall clock, in nanoseconds of the Unix epoch."""

    def current_slot(self) -> int:
        return self.schedule.slot_at(self.now_ns())

    async def ticks(self) -> AsyncIterator[SlotTick]:
        """Yield a tick for each slot, for ever. A slow consumer gets the newest slot next."""
        last = self.current_slot()
        seconds = self.schedule.slot_duration_ns / _NANOSECONDS
        _log.info("slot %d, slots of %g s, by the system's clock", last, seconds)
        while True:
            last = await self._slot_after(last)
            if _log.isEnabledFor(logging.DEBUG):
                late = self.now_ns() - self.schedule.start_of(last)
                _log.debug("slot %d began %.1f ms ago", last, late / _NANOSECONDS * 1000)
            yield SlotTick(last, self.schedule.start_of(last))

    async def _slot_after(self, last: int) -> int:
        while (slot := self.current_slot()) <= last:
            wait = self.schedule.start_of(last + 1) - self.now_ns()
            _log.log(TRACE, "%.1f ms until slot %d", wait / _NANOSECONDS * 1000, last + 1)
            await asyncio.sleep(min(max(wait, 0), self.schedule.slot_duration_ns) / _NANOSECONDS)
        if slot > last + 1:
            _log.info("slots %d to %d passed while the node was busy or stopped", last + 1, slot - 1)
        return slot
