"""Traffic of a network since the start of the node, for its metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from nomos_node.telemetry.instruments import Counter


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters of one network."""

    arrived: Counter = field(default_factory=Counter)
    """Gossip messages that arrived from peers."""
    sent: Counter = field(default_factory=Counter)
    """Gossip messages that reached a peer."""
    unsent: Counter = field(default_factory=Counter)
    """Gossip messages that were given up because there were no peers."""
    frames: Counter = field(default_factory=Counter)
    """Frames that arrived on streams."""
    peer_changes: Counter = field(default_factory=Counter)
    """Peers that connected or disconnected."""
