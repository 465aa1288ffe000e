"""One line of text for each event of the journal that belongs in a timeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored, NetworkVerified, RelayEnded
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, FaultRecovered, HealVerified
from nomos_testing.journal.events import (
    BlockSeen,
    ExceptionRaised,
    ExpectationJudged,
    KeepEnded,
    NetworkKept,
    NodeControlled,
    NodeExited,
    NodeReady,
    NodeStarted,
    Notice,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    RunStarted,
    UnreadableLine,
    VerdictReached,
    WaitContinues,
    WaitEnded,
    WorkloadEnded,
)
from nomos_testing.outcome import outcome_of
from nomos_testing.runtime.machine_load import MachineFellBehind
from nomos_testing.waiting.waiting import wait_message

Kind = Literal["run", "phase", "node", "block", "reorganisation", "wait", "fault", "network", "verdict"]
_SHORT_ID: Final = 10
"""Characters of a block's id."""


@dataclass(frozen=True, slots=True)
class EventText:
    """The text of an event."""

    kind: Kind
    """The part of the run that it is about."""
    source: str
    """Name of the node, the expectation or the workload; else the kind."""
    text: str
    """One line."""
    level: str = "INFO"
    """``INFO``, ``WARN`` or ``ERROR``."""


def event_text(event: Any) -> EventText | None:
    """Return the text of an event; None for events that only have numbers, such as samples."""
    return _of_node(event) or _of_fault(event) or _of_run(event) or _of_judgement(event)


def _of_node(event: Any) -> EventText | None:
    told: EventText | None = None
    match event:
        case NodeStarted():
            told = EventText("node", event.node, f"started: {event.url}")
        case NodeReady():
            told = EventText("node", event.node, f"answers {event.seconds:.1f} s after its start")
        case NodeControlled():
            told = EventText("node", event.node, f"{event.action} took effect")
        case NodeExited(expected=True):
            told = EventText("node", event.node, f"ended as asked: {event.status}")
        case NodeExited():
            told = EventText("node", event.node, f"ended: {event.status}", "ERROR")
        case BlockSeen():
            text = (
                f"block {event.block[:_SHORT_ID]} of slot {event.slot}, height {event.height}, "
                f"{event.transactions} transactions, parent {event.parent[:_SHORT_ID]}"
            )
            told = EventText("block", event.node, text)
        case Reorganised():
            text = (
                f"left a branch of {event.abandoned} blocks for one of {event.adopted}, "
                f"from {event.old_tip[:_SHORT_ID]} to {event.new_tip[:_SHORT_ID]}"
            )
            told = EventText("reorganisation", event.node, text, "WARN" if event.abandoned > 1 else "INFO")
    return told


def _of_fault(event: Any) -> EventText | None:
    told: EventText | None = None
    match event:
        case FaultInjected():
            by = "" if event.origin == "faults" else f", {event.origin}"
            told = EventText("fault", f"fault {event.number}", f"{event.fault} is in effect{by}", "WARN")
        case FaultHealed():
            told = EventText("fault", f"fault {event.number}", f"{event.fault} is healed")
        case FaultLeftOut():
            told = EventText("fault", f"fault {event.number}", f"{event.fault} is left out: the run was over", "WARN")
        case HealVerified(verified=True):
            told = EventText("fault", f"fault {event.number}", "the heal is verified")
        case HealVerified():
            told = EventText("fault", f"fault {event.number}", f"the heal is not verified: {event.reason}", "WARN")
        case FaultRecovered():
            text = f"the network has recovered, {event.slots:g} slots after the heal"
            told = EventText("fault", f"fault {event.number}", text)
        case NetworkImpaired():
            told = EventText("network", "network", event.description, "WARN")
        case NetworkRestored():
            told = EventText("network", "network", f"impairments {', '.join(map(str, event.numbers))} are lifted")
        case NetworkVerified(verified=False):
            told = EventText("network", "network", f"is not whole: {event.reason}", "WARN")
        case NetworkVerified():
            told = EventText("network", "network", f"is whole, seen after {event.seconds:.1f} s")
        case RelayEnded():
            told = EventText("network", "network", f"the relay ended: {event.reason}", "ERROR")
    return told


def _of_run(event: Any) -> EventText | None:
    told: EventText | None = None
    match event:
        case RunStarted():
            told = EventText("run", "run", f"{event.scenario} on {event.deployer}, seed {event.seed}")
        case Notice():
            told = EventText("run", "run", event.text, "WARN" if event.level == "warning" else "INFO")
        case PhaseStarted():
            planned = "" if event.planned_seconds is None else f", {event.planned_seconds:g} s"
            told = EventText("phase", "run", f"phase {event.phase} begins{planned}")
        case PhaseEnded(error=str(error)):
            told = EventText("phase", "run", f"phase {event.phase} failed: {error}", "ERROR")
        case PhaseEnded():
            told = EventText("phase", "run", f"phase {event.phase} ended after {event.seconds:.1f} s")
        case WaitContinues():
            told = EventText("wait", "run", wait_message(event), "WARN")
        case WaitEnded(fulfilled=False):
            text = f"gave up waiting for {event.waited_for} after {event.seconds:.1f} s: {event.last_seen}"
            told = EventText("wait", "run", text, "ERROR")
        case WaitEnded():
            told = EventText("wait", "run", f"waited {event.seconds:.1f} s for {event.waited_for}")
        case NetworkKept() | KeepEnded():
            told = EventText("run", "run", str(event))
        case UnreadableLine():
            text = f"line {event.number} of the journal cannot be read: {event.reason}"
            told = EventText("run", "run", text, "WARN")
    return told


def _of_judgement(event: Any) -> EventText | None:
    told: EventText | None = None
    match event:
        case MachineFellBehind():
            told = EventText("run", "machine", str(event), "WARN")
        case WorkloadEnded():
            level = "ERROR" if event.outcome in {"failed", "errored"} else "INFO"
            told = EventText("run", event.workload, f"{event.outcome}: {event.error or 'no error'}", level)
        case ExceptionRaised():
            told = EventText("run", event.where, f"raised {event.error}", "ERROR")
        case ExpectationBroken():
            told = EventText("verdict", event.expectation, f"does not hold: {event.description}", "ERROR")
        case ExpectationJudged():
            outcome = outcome_of(passed=event.passed, errored=event.errored)
            text = outcome if event.passed else f"{outcome}: {event.message}"
            told = EventText("verdict", event.expectation, text, "INFO" if event.passed else "ERROR")
        case VerdictReached():
            text = event.outcome if event.failure is None else f"{event.outcome}: {event.failure}"
            told = EventText("verdict", "run", f"verdict: {text}", "INFO" if event.passed else "ERROR")
        case RunEnded():
            told = EventText("run", "run", f"ended: {event.outcome}" + (f": {event.detail}" if event.detail else ""))
    return told
