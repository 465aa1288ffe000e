"""Events that expectations write into the journal while they watch."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("expectation_broken")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationBroken:
    """A watched condition does not hold. The run continues, and the verdict at its end is *failed*."""

    expectation: str
    """Name of the expectation."""
    description: str
    """Which condition failed, and how."""
    slot: float
    """Slots since the start of watching."""
    active_faults: tuple[str, ...]
    """The faults that were active, as sentences."""
