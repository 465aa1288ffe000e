"""The course of each fault of a run, read from the journal, and the messages about faults during the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import (
    FaultHealed,
    FaultInjected,
    FaultLeftOut,
    FaultRecovered,
    FaultsPlanned,
    HealVerified,
)
from nomos_testing.journal.events import Reorganised
from nomos_testing.journal.journal import Entry

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


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


def add_fault_rows(table: Table, faults: Iterable[FaultSummary], slot_seconds: float | None) -> None:
    """Add a row for each fault: fault, at, lasted, took effect, recovered, deepest reorganisation."""
    for fault in faults:
        slot = f" (slot {fault.injected_at / slot_seconds:.0f})" if slot_seconds else ""
        table.add_row(
            f"{fault.number}: {fault.fault}",
            f"{fault.injected_at:.1f} s{slot}",
            "not healed" if fault.healed is None else f"{fault.healed - fault.began:.1f} s",
            f"{fault.took_effect * 1000:.0f} ms",
            _recovered(fault),
            f"{fault.deepest_reorganisation} blocks" if fault.deepest_reorganisation else "-",
        )


def _recovered(fault: FaultSummary) -> Text:
    from rich.text import Text

    if fault.recovered_slots is None:
        return Text("no", style="red")
    return Text(f"{fault.recovered_slots:g} slots" + (" (beside others)" if fault.overlapped else ""))


def fault_message(event: Any) -> str | None:
    """Return one or more lines for the live view; None for events that other code reports."""
    match event:
        case FaultsPlanned(lines=lines):
            return "\n".join((f"{len(lines)} faults planned:", *lines))
        case FaultInjected() | FaultLeftOut() | FaultHealed():
            return f"fault {event.number}{_BECAME[type(event)]}: {event.fault}"
        case FaultRecovered():
            return f"recovered from fault {event.number} after {event.slots:g} slots"
        case ExpectationBroken():
            return f"{event.expectation} does not hold: {event.description}"
    return None


_BECAME: Mapping[type, str] = {
    FaultInjected: "",
    FaultLeftOut: " left out, the run was over before it began",
    FaultHealed: " healed",
}
