"""Slots: consensus time as a number of slot durations since the chain's start. No clock is read here.

Times are integer nanoseconds of the Unix epoch, so that sub-second slots are exact; for durations of whole seconds the
result is the protocol's ``floor(whole seconds since start / slot seconds)``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotSchedule:
    chain_start_ns: int
    slot_duration_ns: int

    def __post_init__(self) -> None:
        if self.slot_duration_ns <= 0:
            raise ValueError(f"a slot must have a positive duration, got {self.slot_duration_ns} ns")

    def slot_at(self, time_ns: int) -> int:
        """The slot a moment lies in; slot 0 before the chain's start."""
        return max(time_ns - self.chain_start_ns, 0) // self.slot_duration_ns

    def start_of(self, slot: int) -> int:
        """The moment at which a slot begins, in nanoseconds of the Unix epoch."""
        return self.chain_start_ns + slot * self.slot_duration_ns
