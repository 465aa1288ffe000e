"""The section of the timeline: the events of the run that matter, in order, and no more than a reader can look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored, NetworkVerified, RelayEnded
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, FaultRecovered, HealVerified
from nomos_testing.journal.events import (
    ExceptionRaised,
    ExpectationJudged,
    NodeControlled,
    NodeExited,
    NodeReady,
    NodeStarted,
    Notice,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    VerdictReached,
    WaitEnded,
    WorkloadEnded,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.report.faults import fault_message
from nomos_testing.report.page import Block, Cell, Paragraph, Section, Table, Tone
from nomos_testing.runtime.machine_load import MachineFellBehind

_MOST_ROWS: Final = 400
_ALWAYS: Final = 3
"""The weight of events that are never left out before others."""


def timeline_section(record: RunRecord) -> Section:
    """Return the section."""
    return Section("timeline", "Timeline", list(_blocks(record)))


def _blocks(record: RunRecord) -> Iterator[Block]:
    told = [(entry.at, *found) for entry in record.entries if (found := _told(entry)) is not None]
    kept = told
    for weight in range(1, _ALWAYS + 1):
        if len(kept) > _MOST_ROWS:
            kept = [item for item in kept if item[1] >= weight]
    rows: list[list[Cell | str]] = [
        [f"{at:.2f}", source, Cell(text, tone)] for at, _, source, text, tone in kept[:_MOST_ROWS]
    ]
    if len(rows) < len(told):
        yield Paragraph(f"{len(rows)} of {len(told)} events: the ones that matter most. The journal has all of them.")
    if rows:
        yield Table("Timeline", ("seconds", "source", "event"), rows)


Told = tuple[int, str, str, Tone]
"""Weight, source, text and colour of an event."""


def _told(entry: Entry) -> Told | None:
    for tell in (_told_of_faults, _told_of_nodes, _told_of_the_run):
        found = tell(entry.event)
        if found is not None:
            return found
    return None


def _told_of_faults(event: Any) -> Told | None:
    told: Told | None = None
    match event:
        case FaultInjected() | FaultLeftOut() | FaultHealed() | FaultRecovered():
            told = 2, "faults", fault_message(event) or "", "good" if isinstance(event, FaultRecovered) else "warning"
        case HealVerified(verified=False):
            told = 2, "faults", f"the heal of fault {event.number} is not verified: {event.reason}", "bad"
        case ExpectationBroken():
            told = 3, event.expectation, f"does not hold: {event.description}", "bad"
        case NetworkImpaired():
            told = 1, "network", event.description, ""
        case NetworkRestored():
            told = 1, "network", f"impairments {', '.join(map(str, event.numbers))} are lifted", ""
        case NetworkVerified(verified=False):
            told = 2, "network", f"not verified: {event.reason}", "bad"
        case RelayEnded():
            told = 3, "network", f"the relay ended: {event.reason}", "bad"
    return told


def _told_of_nodes(event: Any) -> Told | None:
    told: Told | None = None
    match event:
        case NodeStarted():
            told = 1, event.node, "started", ""
        case NodeReady():
            told = 0, event.node, f"answers, {event.seconds:.1f} s after its start", ""
        case NodeControlled():
            told = 1, event.node, event.action, ""
        case NodeExited(expected=False):
            told = 3, event.node, f"ended: {event.status}", "bad"
        case NodeExited():
            told = 1, event.node, f"ended as asked: {event.status}", ""
        case Reorganised():
            text = f"left a branch of {event.abandoned} blocks for one of {event.adopted}"
            told = int(event.abandoned > 1), event.node, text, ""
    return told


def _told_of_the_run(event: Any) -> Told | None:
    told: Told | None = None
    match event:
        case PhaseStarted():
            told = 2, "run", f"phase {event.phase}", ""
        case PhaseEnded(error=str(error)):
            told = 3, "run", f"phase {event.phase} failed: {error}", "bad"
        case Notice(level="warning"):
            told = 1, "run", event.text, "warning"
        case WaitEnded(fulfilled=False):
            told = 3, "run", f"gave up waiting for {event.waited_for}: {event.last_seen}", "bad"
        case WorkloadEnded(outcome="failed" | "errored"):
            told = 3, event.workload, f"{event.outcome}: {event.error}", "bad"
        case MachineFellBehind():
            told = 3, "machine", str(event), "warning"
        case ExceptionRaised():
            told = 3, event.where, f"raised {event.error}", "bad"
        case ExpectationJudged(passed=False):
            told = 3, event.expectation, event.message or "does not hold", "bad"
        case VerdictReached():
            told = 3, "run", f"verdict: {event.verdict or event.outcome}", "good" if event.passed else "bad"
        case RunEnded():
            told = 3, "run", f"ended: {event.outcome}", ""
    return told
