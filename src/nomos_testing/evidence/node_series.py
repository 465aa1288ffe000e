"""The course of each node: its height, its peers and what it uses, its starts and its ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.journal.events import NodeExited, NodeSample, NodeStarted, Sample, TipChanged
from nomos_testing.journal.journal import Entry
from nomos_testing.runtime.machine_load import MachineReading

Series = tuple[tuple[float, float], ...]
"""Times on the journal's clock, and the values at these times."""
METRICS: Final = ("peers", "mempool", "cpu", "memory", "disk")
"""``peers`` (number), ``mempool`` (pending transactions), ``cpu`` (processors), ``memory`` and ``disk`` (bytes)."""

_READ: Final[Mapping[str, Callable[[NodeSample], float | None]]] = {
    "peers": lambda sample: sample.peers,
    "mempool": lambda sample: sample.mempool,
    "cpu": lambda sample: sample.cpu,
    "memory": lambda sample: sample.memory_bytes,
    "disk": lambda sample: sample.disk_bytes,
}


@dataclass(frozen=True, slots=True)
class NodeEnd:
    """An end of a node's process."""

    at: float
    """When it ended, on the journal's clock."""
    status: str
    """``exit code 1``, ``killed by SIGKILL``."""
    expected: bool
    """True if the run had asked for it."""


@dataclass(frozen=True, slots=True)
class NodeLife:
    """The starts and the ends of one node."""

    starts: tuple[float, ...]
    """When its process was started, on the journal's clock."""
    ends: tuple[NodeEnd, ...]
    """How its process ended, each time."""

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, len(self.starts) - 1)


class NodeCourses:
    """Collects the course of each node from the entries of a journal."""

    def __init__(self) -> None:
        self._tip_heights: dict[str, list[tuple[float, float]]] = {}
        self._sampled_heights: dict[str, list[tuple[float, float]]] = {}
        self._series: dict[str, dict[str, list[tuple[float, float]]]] = {metric: {} for metric in METRICS}
        self._read_cpu: dict[str, list[tuple[float, float]]] = {}
        self._starts: dict[str, list[float]] = {}
        self._ends: dict[str, list[NodeEnd]] = {}

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        at, event = entry.at, entry.event
        match event:
            case TipChanged():
                self._tip_heights.setdefault(event.node, []).append((at, event.height))
            case Sample():
                self._take_sample(at, event.nodes)
            case MachineReading():
                for node, processors in event.nodes_cpu.items():
                    self._read_cpu.setdefault(node, []).append((at, processors))
            case _:
                self._take_life(at, event)

    def heights(self) -> dict[str, Series]:
        """Return the heights of each node: at every change of its tip, or of the samples in journals without them."""
        return _frozen(self._sampled_heights | self._tip_heights)

    def series(self) -> dict[str, dict[str, Series]]:
        """Return each metric of each node. Metrics that no node has are missing."""
        found = {metric: _frozen(nodes) for metric, nodes in self._series.items() if nodes}
        if "cpu" not in found and self._read_cpu:  # an older journal: only the watch of the machine has them
            found["cpu"] = _frozen(self._read_cpu)
        return {metric: found[metric] for metric in METRICS if metric in found}

    def lives(self) -> dict[str, NodeLife]:
        """Return the starts and ends of each node."""
        return {
            node: NodeLife(tuple(self._starts.get(node, ())), tuple(self._ends.get(node, ())))
            for node in self._starts | self._ends
        }

    def _take_life(self, at: float, event: Any) -> None:
        match event:
            case NodeStarted():
                self._starts.setdefault(event.node, []).append(at)
            case NodeExited():
                self._ends.setdefault(event.node, []).append(NodeEnd(at, event.status, event.expected))

    def _take_sample(self, at: float, nodes: Mapping[str, NodeSample]) -> None:
        for node, sample in nodes.items():
            if sample.height is not None:
                self._sampled_heights.setdefault(node, []).append((at, sample.height))
            for metric, read in _READ.items():
                value = read(sample)
                if value is not None:
                    self._series[metric].setdefault(node, []).append((at, value))


def _frozen(series: Mapping[str, list[tuple[float, float]]]) -> dict[str, Series]:
    return {node: tuple(points) for node, points in series.items()}
