"""What went over a network since the node started, for its metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from nomos_node.telemetry.instruments import Counter


@dataclass(frozen=True, slots=True)
class Traffic:
    arrived: Counter = field(default_factory=Counter)
    """Gossip messages of peers."""
    sent: Counter = field(default_factory=Counter)
    """Gossip messages that reached a peer."""
    unsent: Counter = field(default_factory=Counter)
    """Gossip messages given up for want of peers."""
    frames: Counter = field(default_factory=Counter)
    """Frames that arrived on streams."""
    peer_changes: Counter = field(default_factory=Counter)
    """Peers that connected or disconnected."""
