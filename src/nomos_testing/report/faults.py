"""Rows and messages about the faults of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nomos_testing.evidence.faults import FaultSummary
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, FaultRecovered, FaultsPlanned

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


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


def planned_faults(count: int) -> str:
    """Return how many faults are planned, in words."""
    return f"{count} fault{'s' * (count != 1)} planned"


def fault_message(event: Any) -> str | None:
    """Return one or more lines for the live view; None for events that other code reports."""
    match event:
        case FaultsPlanned(lines=lines):
            return "\n".join((f"{planned_faults(len(lines))}:", *lines))
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
