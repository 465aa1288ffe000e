"""What expectations write into the journal while they watch."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("expectation_broken")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationBroken:
    """Something that had to hold does not; the verdict comes at the end all the same."""

    expectation: str
    description: str
    slot: float
    """Since watching began."""
    active_faults: tuple[str, ...]
