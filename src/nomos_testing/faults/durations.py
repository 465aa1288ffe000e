"""Times of faults, in slots or in seconds. They count from the start of the workloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. A moment is the length since the start of the workloads."""

    amount: float
    unit: Literal["slots", "seconds"] = "seconds"

    def in_seconds(self, slot_seconds: float) -> float:
        """Convert to seconds."""
        return self.amount * slot_seconds if self.unit == "slots" else self.amount

    def to_json(self) -> Any:
        """Return it as a scenario file has it: a number of seconds, or ``{"slots": N}``."""
        return {"slots": self.amount} if self.unit == "slots" else self.amount

    def __str__(self) -> str:
        return f"{self.amount:g} slots" if self.unit == "slots" else f"{self.amount:g} s"


def slots(amount: float) -> Span:
    """Make a time from a number of slots."""
    return Span(amount, "slots")


def seconds(amount: float) -> Span:
    """Make a time from a number of seconds."""
    return Span(amount, "seconds")


Time = Span | float
"""A bare number is in seconds."""


def span(time: Time) -> Span:
    """Read a time that may be a bare number of seconds."""
    return time if isinstance(time, Span) else Span(time)
