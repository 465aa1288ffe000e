"""The figures of a run, collected from its journal in one pass. Reports print and draw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from nomos_testing.evidence.fault_windows import FaultWindow, FaultWindows
from nomos_testing.evidence.fork_trees import Forks, ForkTree, Reorganisation
from nomos_testing.evidence.inclusion import Inclusion, Inclusions
from nomos_testing.evidence.node_series import NodeCourses, NodeLife, Series
from nomos_testing.evidence.propagation import Block, Propagation
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import PhaseEnded, PhaseStarted
from nomos_testing.journal.journal import Entry
from nomos_testing.percentiles import Percentiles

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a run."""

    name: str
    """``start``, ``ready``, ``run``, ..."""
    began: float
    """When it began, on the journal's clock."""
    seconds: float | None
    """Its duration, in seconds; None if it never ended."""
    error: str | None
    """The error that ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNumbers:
    """The figures of a run. Every time is on the journal's clock, in seconds."""

    slot_seconds: float | None
    """Length of a slot; None if the run did not get so far."""
    duration: float
    """Seconds from the opening of the journal to its last entry."""
    nodes: tuple[str, ...]
    """Names of all nodes, validators first."""
    phases: tuple[Phase, ...]
    """The phases, in order."""
    fault_windows: tuple[FaultWindow, ...]
    """The faults that were injected, in order, with heal and recovery."""
    heights: Mapping[str, Series]
    """The height of each node's tip over time."""
    series: Mapping[str, Mapping[str, Series]]
    """``{metric: {node: ...}}`` for ``peers``, ``mempool``, ``cpu`` (processors), ``memory`` and ``disk`` (bytes).
    A metric that no node has is missing."""
    blocks: Mapping[str, Block]
    """Every block that any node has shown, by id, in the order of the first sightings."""
    canonical: tuple[str, ...]
    """The ids of the blocks of the longest chain at the end, the oldest first."""
    propagation: Mapping[str, Percentiles]
    """Seconds from a block's first sighting on any node to its arrival at the node (see ``Propagation``). The
    resolution is the interval in which the block feed asks the nodes. Journals without ``tip_changed`` have none."""
    propagation_seconds: Mapping[str, tuple[float, ...]]
    """The measurements behind ``propagation``."""
    propagation_of_blocks: tuple[tuple[float, ...], ...]
    """The same measurements in groups: one for each block, with its arrivals at all nodes."""
    reorganisations: tuple[Reorganisation, ...]
    """Every reorganisation, in order."""
    fork_trees: tuple[ForkTree, ...]
    """The branches around the reorganisations: one tree for each common ancestor."""
    transactions: Inclusion | None
    """The transactions; None if no workload sends any."""
    blobs: Inclusion | None
    """The blobs; None if no workload disperses any."""
    lives: Mapping[str, NodeLife]
    """Starts and ends of each node."""

    @property
    def recoveries(self) -> tuple[FaultWindow, ...]:
        """The faults from which the network recovered."""
        return tuple(fault for fault in self.fault_windows if fault.recovered is not None)

    @property
    def run_phase(self) -> Phase | None:
        """The phase in which the workloads run; None if the run did not get so far."""
        return next((phase for phase in self.phases if phase.name == "run"), None)


@dataclass(slots=True)
class _Phases:
    found: list[Phase] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case PhaseStarted(phase=name):
                self.found.append(Phase(name, entry.at, None, None))
            case PhaseEnded() as ended:
                began = entry.at - ended.seconds
                if self.found and self.found[-1].name == ended.phase and self.found[-1].seconds is None:
                    began = self.found.pop().began
                self.found.append(Phase(ended.phase, began, ended.seconds, ended.error))


def numbers_of(record: RunRecord) -> RunNumbers:
    """Return the figures of a run."""
    phases, faults, courses = _Phases(), FaultWindows(), NodeCourses()
    propagation, forks, inclusions = Propagation(), Forks(), Inclusions()
    collectors = (phases, faults, courses, propagation, forks, inclusions)
    for entry in record.entries:
        for collector in collectors:
            collector.take(entry)
    nodes = tuple(record.node_names())
    started = record.summary.started
    return RunNumbers(
        slot_seconds=started.slot_seconds if started is not None else None,
        duration=record.duration,
        nodes=nodes,
        phases=tuple(phases.found),
        fault_windows=faults.windows(nodes),
        heights=_in_order(courses.heights(), nodes),
        series={metric: _in_order(series, nodes) for metric, series in courses.series().items()},
        blocks=propagation.blocks,
        canonical=_longest_chain(propagation.blocks),
        propagation=_in_order(propagation.percentiles(), nodes),
        propagation_seconds=_in_order(propagation.latencies, nodes),
        propagation_of_blocks=propagation.of_blocks,
        reorganisations=tuple(forks.reorganisations),
        fork_trees=forks.trees(propagation.blocks),
        transactions=inclusions.transactions,
        blobs=inclusions.blobs,
        lives=_in_order(courses.lives(), nodes),
    )


def _in_order(values: Mapping[str, T], nodes: Iterable[str]) -> dict[str, T]:
    """Return values of nodes in the order of the nodes; nodes that are not among them come last."""
    return {node: values[node] for node in nodes if node in values} | dict(values)


def _longest_chain(blocks: Mapping[str, Block]) -> tuple[str, ...]:
    """Return the blocks below the highest one. Of equally high ones, the one that was seen first."""
    block = max(blocks.values(), key=lambda block: block.height, default=None)
    chain: dict[str, None] = {}
    while block is not None and block.id not in chain:
        chain[block.id] = None
        block = blocks.get(block.parent)
    return tuple(reversed(chain))
