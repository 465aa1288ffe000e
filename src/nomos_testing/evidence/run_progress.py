"""The progress of a run, read from its journal entry by entry, for views of a run in progress."""

from __future__ import annotations

from dataclasses import dataclass, field

from nomos_testing.journal.events import (
    BlockSeen,
    NodeReady,
    NodeStarted,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    RunStarted,
    Sample,
    VerdictReached,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.runtime.counters import (
    BLOBS_DISPERSED,
    BLOBS_INCLUDED,
    BLOBS_PLANNED,
    TRANSACTIONS_INCLUDED,
    TRANSACTIONS_PLANNED,
    TRANSACTIONS_SENT,
)


@dataclass(slots=True)
class RunProgress:
    """The state of a run after the entries taken so far."""

    started: RunStarted | None = None
    phase: str = ""
    phase_started: float = 0.0
    """Seconds from the start of the run to the start of the phase."""
    phase_seconds: float | None = None
    """Planned length of the phase; None if it has none."""
    nodes_started: int = 0
    nodes_ready: int = 0
    height: int = 0
    fewest_peers: int | None = None
    silent_nodes: tuple[str, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)
    passed: bool | None = None
    ended: RunEnded | None = None

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case RunStarted() as event:
                self.started = event
            case PhaseStarted(phase, planned):
                self.phase, self.phase_started, self.phase_seconds = phase, entry.at, planned
            case PhaseEnded():
                self.phase_seconds = None
            case NodeStarted():
                self.nodes_started += 1
            case NodeReady():
                self.nodes_ready += 1
            case BlockSeen() as event:
                self.height = max(self.height, event.height)
            case Sample() as event:
                self._sample(event)
            case VerdictReached() as event:
                self.passed = event.passed
            case RunEnded() as event:
                self.ended = event

    @property
    def network(self) -> str:
        """Height, peers and silent nodes: ``height 12, peers 3``."""
        parts = [f"height {self.height}"]
        if self.fewest_peers is not None:
            parts.append(f"peers {self.fewest_peers}")
        if self.silent_nodes:
            parts.append(f"silent: {', '.join(self.silent_nodes)}")
        return ", ".join(parts)

    @property
    def transactions(self) -> str:
        """``transactions 33 of 166 sent, 20 included``; empty if no workload sends any."""
        planned = self.counters.get(TRANSACTIONS_PLANNED)
        if planned is None:
            return ""
        sent, included = self.counters.get(TRANSACTIONS_SENT, 0), self.counters.get(TRANSACTIONS_INCLUDED, 0)
        return f"transactions {sent} of {planned} sent, {included} included"

    @property
    def blobs(self) -> str:
        """``blobs 12 of 28 dispersed, 10 included``; empty if no workload disperses any."""
        planned = self.counters.get(BLOBS_PLANNED)
        if planned is None:
            return ""
        dispersed, included = self.counters.get(BLOBS_DISPERSED, 0), self.counters.get(BLOBS_INCLUDED, 0)
        return f"blobs {dispersed} of {planned} dispersed, {included} included"

    @property
    def status(self) -> str:
        """One line with the state of the network and of the workloads."""
        if not self.nodes_ready:
            return f"{self.nodes_started} nodes started" if self.nodes_started else ""
        return ", ".join(part for part in (self.network, self.transactions, self.blobs) if part)

    def _sample(self, sample: Sample) -> None:
        peers = [node.peers for node in sample.nodes.values() if node.peers is not None]
        self.fewest_peers = min(peers, default=None)
        self.silent_nodes = tuple(name for name, node in sample.nodes.items() if node.peers is None)
        self.height = max(self.height, sample.height or 0)
        self.counters = dict(sample.counters)
