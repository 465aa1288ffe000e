"""Slots: consensus time as a number of slot durations since the start of the chain. No clock is read here.

Times are integer nanoseconds of the Unix epoch, so slots below a second are exact. For durations of whole seconds the
result is that of the protocol, ``floor(whole seconds since start / slot seconds)``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotSchedule:
    """Schedule that assigns moments to slots.

    Slot ``n`` lasts from ``start_of(n)`` to just before ``start_of(n + 1)``.

    Raises:
        ValueError: the slot duration is not positive.
    """

    chain_start_ns: int
    """Start of slot 0, in nanoseconds of the Unix epoch."""
    slot_duration_ns: int
    """Length of a slot in nanoseconds, above 0."""

    def __post_init__(self) -> None:
        if self.slot_duration_ns <= 0:
            raise ValueError(f"a slot must have a positive duration, got {self.slot_duration_ns} ns")

    def slot_at(self, time_ns: int) -> int:
        """Return the slot of a moment, given in nanoseconds of the Unix epoch; 0 before the start of the chain."""
        return max(time_ns - self.chain_start_ns, 0) // self.slot_duration_ns

    def start_of(self, slot: int) -> int:
        """Return the moment at which a slot begins, in nanoseconds of the Unix epoch."""
        return self.chain_start_ns + slot * self.slot_duration_ns
