"""Events of the network: messages, peers that connect and disconnect, and a summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GossipMessage:
    """Message of a topic.

    ``source`` is the peer that published it. ``forwarder`` is the connected peer that sent it to us. Both are None for
    a message of this node: libp2p does not deliver those, so the service does.
    """

    topic: str
    data: bytes
    source: str | None = None
    forwarder: str | None = None


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """Event: the first connection to a peer is up."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class PeerDisconnected:
    """Event: the last connection to a peer is gone."""

    peer_id: str


PeerEvent = PeerConnected | PeerDisconnected


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """Counters of the ``network/info`` endpoint."""

    listen_addresses: tuple[str, ...]
    n_peers: int
    n_connections: int
    n_pending_connections: int
