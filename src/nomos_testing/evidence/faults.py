"""The course of each fault of a run, read from the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultRecovered, HealVerified
from nomos_testing.journal.events import Reorganised
from nomos_testing.journal.journal import Entry


@dataclass(slots=True)
class FaultSummary:
    """The course of one fault."""

    number: int
    fault: str
    injected_at: float
    """Seconds from the start of the workloads to the injection."""
    took_effect: float
    """Seconds from the start of the injection until the fault was in effect."""
    began: float
    """When the fault was in effect, on the journal's clock."""
    healed: float | None = None
    """When the fault was healed, on the journal's clock."""
    heal_seconds: float | None = None
    verified: bool | None = None
    recovered_slots: float | None = None
    overlapped: bool = False
    deepest_reorganisation: int = 0
    """The most blocks that a node abandoned at once between the injection and the recovery."""


class FaultSummaries:
    """Collects the faults of a run from the entries of its journal."""

    def __init__(self) -> None:
        self._faults: dict[int, FaultSummary] = {}

    def __iter__(self) -> Iterator[FaultSummary]:
        return iter(self._faults.values())

    def __len__(self) -> int:
        return len(self._faults)

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        if isinstance(entry.event, FaultInjected):
            self._faults[entry.event.number] = _injected(entry.event, entry.at)
        elif isinstance(entry.event, Reorganised):
            self._note_reorganisation(entry.event.abandoned)
        elif isinstance(entry.event, FaultHealed | HealVerified | FaultRecovered):
            fault = self._faults.get(entry.event.number)
            if fault is not None:  # the line of its injection may be unreadable
                _follow(fault, entry.event, entry.at)

    def _note_reorganisation(self, abandoned: int) -> None:
        for fault in self._faults.values():
            if fault.recovered_slots is None:
                fault.deepest_reorganisation = max(fault.deepest_reorganisation, abandoned)


def _injected(event: FaultInjected, at: float) -> FaultSummary:
    return FaultSummary(event.number, event.fault, event.planned_at + event.late, event.seconds, at)


def _follow(fault: FaultSummary, event: FaultHealed | HealVerified | FaultRecovered, at: float) -> None:
    match event:
        case FaultHealed():
            fault.healed, fault.heal_seconds = at, event.seconds
        case HealVerified():
            fault.verified = event.verified
        case FaultRecovered():
            fault.recovered_slots, fault.overlapped = event.slots, event.overlapped
