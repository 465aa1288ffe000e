"""The messages of the live view: entries of the journal that people want to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored, RelayEnded
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, FaultRecovered, FaultsPlanned
from nomos_testing.journal.events import (
    ExceptionRaised,
    KeepEnded,
    NetworkKept,
    NodeControlled,
    NodeExited,
    Notice,
    PhaseStarted,
    RunEnded,
    UnreadableLine,
    VerdictReached,
    WaitEnded,
    WorkloadEnded,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.report import live
from nomos_testing.report.faults import planned_faults
from nomos_testing.runtime.machine_load import MachineFellBehind


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the user."""

    at: float
    """Seconds since the journal was opened."""
    text: str
    level: str
    """``info``, ``warning``, ``error`` or ``good``."""


def message_of(entry: Entry) -> Message | None:
    """Return the message of an entry; None if the entry only changes numbers."""
    text = _text(entry.event)
    if text is None:
        return None
    return Message(entry.at, "\n".join(map(plain_text, text.splitlines())), _level(entry.event))


def _text(event: Any) -> str | None:
    message = live.message_of(event)
    match event:
        case FaultsPlanned():
            message = planned_faults(len(event.lines))
        case PhaseStarted():
            message = f"phase {event.phase}"
        case NodeControlled():
            message = f"{event.node}: {event.action}"
        case NetworkImpaired():
            message = f"links: {event.description}"
        case NetworkRestored():
            message = "links restored"
        case RelayEnded():
            message = f"the relay ended: {event.reason}"
        case UnreadableLine():
            message = f"line {event.number} of the journal cannot be read: {event.reason}"
        case NetworkKept():
            message = "the network is kept"
        case KeepEnded():
            message = f"the network ends: {event.reason}"
        case RunEnded(outcome="killed"):
            message = f"the runner died: {event.detail or 'it was killed'}"
        case RunEnded():
            message = f"the run ended: {event.outcome}"
    return message


def _level(event: Any) -> str:
    match event:
        case Notice(level="warning") | MachineFellBehind() | FaultInjected() | FaultLeftOut():
            return "warning"
        case (
            FaultHealed()
            | FaultRecovered()
            | NetworkRestored()
            | VerdictReached(passed=True)
            | RunEnded(outcome="passed")
        ):
            return "good"
        case NodeExited() | WaitEnded() | WorkloadEnded() | ExceptionRaised() | VerdictReached() | RunEnded():
            return "error"
    return "info"
