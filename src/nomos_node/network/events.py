"""What the network tells the rest of the node: messages, peers that come and go, a summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GossipMessage:
    """A message of a topic.

    ``source`` is the peer that published it and ``forwarder`` the connected peer that handed it to us; both are
    ``None`` for a message this node published itself (libp2p does not echo those, so the service does).
    """

    topic: str
    data: bytes
    source: str | None = None
    forwarder: str | None = None


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """The first connection to a peer is up."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class PeerDisconnected:
    """The last connection to a peer is gone."""

    peer_id: str


PeerEvent = PeerConnected | PeerDisconnected


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """The counters of the node's ``network/info`` endpoint."""

    listen_addresses: tuple[str, ...]
    n_peers: int
    n_connections: int
    n_pending_connections: int
