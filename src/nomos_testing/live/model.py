"""The state of a run as the live view shows it, made from the entries of its journal. It knows no terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.evidence.run_progress import RunProgress
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, FaultRecovered, FaultsPlanned
from nomos_testing.journal.events import (
    BlockSeen,
    KeepEnded,
    NetworkKept,
    NodeControlled,
    NodeExited,
    NodeReady,
    NodeSample,
    NodeStarted,
    PhaseStarted,
    RunEnded,
    Sample,
    TipChanged,
    VerdictReached,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.live.block_tree import BlockTree
from nomos_testing.live.messages import Message, message_of
from nomos_testing.runtime.machine_load import MachineReading

KEPT_MESSAGES: Final = 500


class NodeState(StrEnum):
    """The states of a node."""

    STARTING = "starting"
    """Its program runs, and it has not answered yet."""
    RUNNING = "running"
    """It answers."""
    SILENT = "no answer"
    """Its program runs, and it did not answer the last sample."""
    PAUSED = "paused"
    """Its program is frozen."""
    ENDED = "ended"
    """Its program does not run."""


@dataclass(slots=True)
class NodeView:
    """One node."""

    name: str
    state: NodeState = NodeState.STARTING
    detail: str = ""
    """How it ended, or why it did not answer."""
    sample: NodeSample = field(default_factory=NodeSample)
    """Its last sample."""
    height: int | None = None
    cpu: float | None = None
    """Processors that it uses."""


class FaultState(StrEnum):
    """The states of a fault."""

    PLANNED = "planned"
    """It has not been injected."""
    ACTIVE = "active"
    """It is in effect."""
    HEALED = "healed"
    """It is undone, and the network has not recovered yet."""
    RECOVERED = "recovered"
    """The network has recovered from it."""
    LEFT_OUT = "left out"
    """The run was over before its time."""


@dataclass(slots=True)
class FaultView:
    """One fault of the plan."""

    number: int
    text: str
    """Kind and target: ``pause validator-0``."""
    begins: float | None = None
    """When it begins or began, on the journal's clock."""
    ends: float | None = None
    """When it is healed, or is to be healed; None if it is never."""
    state: FaultState = FaultState.PLANNED
    recovery: str = ""
    """How long the recovery took: ``0.2 slots``."""


class RunState:
    """The state of a run after the entries taken so far."""

    def __init__(self) -> None:
        self.progress = RunProgress()
        self.at = 0.0
        """Time of the last entry."""
        self.nodes: dict[str, NodeView] = {}
        self.faults: dict[int, FaultView] = {}
        self.impairments: dict[int, str] = {}
        """Links that are cut or slowed now, but not by a fault, by number."""
        self.messages: deque[Message] = deque(maxlen=KEPT_MESSAGES)
        self.blocks = BlockTree()
        self.verdict: VerdictReached | None = None
        self.kept_until: float | None = None
        """Until when the network stays up after the verdict, on the journal's clock; None if it is not kept."""
        self._run_began = 0.0
        self._impaired: tuple[float, int] | None = None
        self._planned: FaultsPlanned | None = None

    @property
    def ended(self) -> RunEnded | None:
        """The end of the run; None while it is in progress."""
        return self.progress.ended

    @property
    def outcome(self) -> str:
        """Return the kind of the verdict, or how the run ended; empty while there is none."""
        if self.ended is not None and self.ended.outcome in {"interrupted", "killed"}:
            return self.ended.outcome
        if self.verdict is not None:
            return self.verdict.verdict or self.verdict.outcome
        return "" if self.ended is None else self.ended.outcome

    @property
    def slot(self) -> int | None:
        """The latest slot that a tip has."""
        return max((node.sample.slot for node in self.nodes.values() if node.sample.slot is not None), default=None)

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        self.at = entry.at
        self.progress.take(entry)
        message = message_of(entry)
        if message is not None:
            self.messages.append(message)
        event = entry.event
        match event:
            case BlockSeen():
                self.blocks.add(event)
            case Sample():
                for name, sample in event.nodes.items():
                    self._sample(name, sample)
            case TipChanged():
                self.blocks.move(event.node, event.tip)
                self._node(event.node).height = event.height
            case MachineReading():
                for name, used in event.nodes_cpu.items():
                    self._use(name, used)
            case NodeStarted() | NodeReady() | NodeExited() | NodeControlled():
                self._follow_node(event)
            case NetworkImpaired() | NetworkRestored():
                self._follow_links(event, entry.at)
            case PhaseStarted() | VerdictReached() | NetworkKept() | KeepEnded() | RunEnded():
                self._follow_run(entry)
            case _:
                self._follow_fault(event, entry.at)

    def _node(self, name: str) -> NodeView:
        node = self.nodes.get(name)
        if node is None:
            node = self.nodes[name] = NodeView(plain_text(name))
        return node

    def _sample(self, name: str, sample: NodeSample) -> None:
        node = self._node(name)
        node.sample = sample
        if sample.height is not None:
            node.height = sample.height
        self._use(name, sample.cpu)
        if sample.tip is not None:
            self.blocks.move(name, sample.tip)
        if node.state in {NodeState.ENDED, NodeState.PAUSED}:
            return
        if sample.error is None:
            node.state, node.detail = NodeState.RUNNING, ""
        elif node.state is not NodeState.STARTING:
            node.state, node.detail = NodeState.SILENT, plain_text(sample.error)

    def _use(self, name: str, processors: float | None) -> None:
        node = self._node(name)
        if processors is not None and node.state is not NodeState.ENDED:
            node.cpu = processors

    def _follow_links(self, event: NetworkImpaired | NetworkRestored, at: float) -> None:
        if isinstance(event, NetworkImpaired):
            self.impairments[event.number] = plain_text(event.description)
            self._impaired = at, event.number
            return
        for number in event.numbers:
            self.impairments.pop(number, None)

    def _follow_run(self, entry: Entry) -> None:
        match entry.event:
            case PhaseStarted(phase="run"):
                self._run_began = entry.at
                self._plan_faults()
            case VerdictReached() as verdict:
                self.verdict = verdict
            case NetworkKept(until=until):
                self.kept_until = entry.at + until - datetime.fromisoformat(entry.time).timestamp()
            case KeepEnded() | RunEnded():
                self.kept_until = None

    def _follow_node(self, event: NodeStarted | NodeReady | NodeExited | NodeControlled) -> None:
        node = self._node(event.node)
        match event:
            case NodeStarted():
                node.state, node.detail = NodeState.STARTING, ""
            case NodeReady():
                node.state, node.detail = NodeState.RUNNING, ""
            case NodeExited():
                node.state, node.detail, node.cpu = NodeState.ENDED, plain_text(event.status), None
            case NodeControlled(action="pause"):
                node.state = NodeState.PAUSED
            case NodeControlled(action="resume"):
                node.state = NodeState.RUNNING

    def _plan_faults(self) -> None:
        """Give each planned fault its time, which the plan counts from the start of the phase ``run``."""
        if self._planned is None:
            return
        for planned, line in zip(self._planned.plan, self._planned.lines, strict=False):
            number, begins, ends = planned.get("number"), planned.get("inject_at"), planned.get("heal_at")
            if isinstance(number, int) and isinstance(begins, int | float):
                # Columns of the sentence: number, time, slot, length, fault.
                text = plain_text(line).strip().rpartition("  ")[2]
                healed = self._run_began + ends if isinstance(ends, int | float) else None
                self.faults[number] = FaultView(number, text, self._run_began + begins, healed)

    def _follow_fault(self, event: Any, at: float) -> None:
        match event:
            case FaultsPlanned():
                self._planned = event
                self._plan_faults()
            case FaultInjected():
                fault = self._fault(event.number, event.fault)
                fault.state, fault.begins = FaultState.ACTIVE, at
                self._forget_impairment_of(event, at)
            case FaultHealed():
                fault = self._fault(event.number, event.fault)
                fault.state, fault.ends = FaultState.HEALED, at
            case FaultRecovered():
                fault = self._fault(event.number, event.fault)
                fault.state, fault.recovery = FaultState.RECOVERED, f"{event.slots:g} slots"
            case FaultLeftOut():
                self._fault(event.number, event.fault).state = FaultState.LEFT_OUT

    def _fault(self, number: int, text: str) -> FaultView:
        fault = self.faults.setdefault(number, FaultView(number, ""))
        fault.text = plain_text(text)
        return fault

    def _forget_impairment_of(self, fault: FaultInjected, at: float) -> None:
        # A fault of links is shown as a fault. The journal has its impairment just before it.
        if self._impaired is not None and self._impaired[0] >= at - fault.seconds:
            self.impairments.pop(self._impaired[1], None)
