"""The summary of a run, read from its journal: judgements, nodes, phases, blocks, workloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nomos_testing.evidence.faults import FaultSummaries
from nomos_testing.evidence.run_progress import RunProgress
from nomos_testing.journal.events import (
    BlockSeen,
    ExceptionRaised,
    ExpectationJudged,
    NodeExited,
    NodeSample,
    NodeStarted,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    RunStarted,
    Sample,
    UnreadableLine,
    VerdictReached,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.outcome import VerdictKind
from nomos_testing.runtime.machine_load import MachineFellBehind


@dataclass(slots=True)
class NodeSummary:
    """One node at the end of the run."""

    name: str
    height: int | None = None
    peers: int | None = None
    ended_unexpectedly: str | None = None
    """Its exit status, if it ended by itself; else None."""
    reorganisations: int = 0


@dataclass(slots=True)
class RunSummary:
    """Everything that reports show of a run."""

    started: RunStarted | None = None
    verdict: VerdictReached | None = None
    ended: RunEnded | None = None
    judgements: list[ExpectationJudged] = field(default_factory=list)
    phases: list[PhaseEnded] = field(default_factory=list)
    nodes: dict[str, NodeSummary] = field(default_factory=dict)
    blocks_in_run: int = 0
    """Number of blocks that were first seen during the phase ``run``."""
    workloads: tuple[str, ...] = ()
    """A line for each workload: the numbers of sent and of included items."""
    faults: FaultSummaries = field(default_factory=FaultSummaries)
    fell_behind: MachineFellBehind | None = None
    """The first finding that the machine did not keep up."""
    raised: list[ExceptionRaised] = field(default_factory=list)
    unreadable: list[UnreadableLine] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """``passed``, ``failed``, ``errored``, ``interrupted``, ``killed``, or ``unfinished``."""
        if self.ended is not None:
            return self.ended.outcome
        if self.verdict is not None:
            return self.verdict.outcome
        return "unfinished"

    @property
    def unreadable_lines(self) -> str:
        """How many lines of the journal cannot be read, in words; empty if all can."""
        count = len(self.unreadable)
        return f"{count} line{'s' * (count > 1)} of the journal cannot be read" if count else ""

    @property
    def kind(self) -> VerdictKind | None:
        """The kind of the verdict; None if the run has not ended."""
        if self.verdict is not None and self.verdict.verdict is not None:
            return VerdictKind(self.verdict.verdict)
        match self.outcome:
            case "interrupted" | "killed":
                return VerdictKind.INTERRUPTED
            case "errored":
                return VerdictKind.ERRORED_FRAMEWORK if self.verdict is None else VerdictKind.ERRORED_TEST
            case "passed" | "failed" as outcome:
                return VerdictKind(outcome)
        return None

    @property
    def failure(self) -> str | None:
        """Why the run did not pass; None if it did."""
        if self.verdict is not None and self.verdict.failure is not None:
            return self.verdict.failure
        return self.ended.detail if self.ended is not None else None


def summarise(entries: Iterable[Entry]) -> RunSummary:
    """Summarise a journal."""
    summary, progress = RunSummary(), RunProgress()
    for entry in entries:
        progress.take(entry)
        summary.faults.take(entry)
        _take(summary, entry.event, progress.phase)
    summary.workloads = tuple(line for line in (progress.transactions, progress.blobs) if line)
    return summary


def _take(summary: RunSummary, event: Any, phase: str) -> None:
    match event:
        case RunStarted():
            summary.started = event
        case VerdictReached():
            summary.verdict = event
        case RunEnded():
            summary.ended = event
        case ExpectationJudged():
            summary.judgements.append(event)
        case PhaseEnded():
            summary.phases.append(event)
        case MachineFellBehind() if summary.fell_behind is None:
            summary.fell_behind = event
        case ExceptionRaised():
            summary.raised.append(event)
        case UnreadableLine():
            summary.unreadable.append(event)
        case BlockSeen() if phase == "run":
            summary.blocks_in_run += 1
        case PhaseStarted():
            pass
        case _:
            _take_node_event(summary, event)


def _take_node_event(summary: RunSummary, event: Any) -> None:
    match event:
        case NodeStarted(node=name):
            summary.nodes.setdefault(name, NodeSummary(name)).ended_unexpectedly = None
        case NodeExited(node=name, expected=False):
            summary.nodes.setdefault(name, NodeSummary(name)).ended_unexpectedly = event.status
        case Reorganised(node=name):
            summary.nodes.setdefault(name, NodeSummary(name)).reorganisations += 1
        case Sample():
            _take_sample(summary, event.nodes)


def _take_sample(summary: RunSummary, nodes: Mapping[str, NodeSample]) -> None:
    for name, sample in nodes.items():
        node = summary.nodes.setdefault(name, NodeSummary(name))
        node.height = sample.height if sample.height is not None else node.height
        node.peers = sample.peers
