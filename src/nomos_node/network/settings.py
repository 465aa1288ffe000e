"""Settings of a libp2p host: identity, addresses, gossip parameters, and timeouts of connections."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from nomos_node.network.addresses import parse_endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipsubSettings:
    """Mesh parameters of gossipsub 1.1. The defaults are those of the Rust node.

    ``max_transmit_size`` is in bytes and counts the encoded message: payload, topic, author and sequence number.
    """

    heartbeat_interval: float = 1.0
    mesh_n: int = 6
    mesh_n_low: int = 5
    mesh_n_high: int = 12
    history_length: int = 5
    history_gossip: int = 3
    fanout_ttl: float = 60.0
    duplicate_cache_time: float = 60.0
    max_transmit_size: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """Settings of one host: its key, its address, the peers that it dials.

    ``node_key`` is the 32-byte Ed25519 secret. The peer id follows from it. ``listen_port`` 0 takes a free port.
    ``initial_peers`` are multiaddresses such as ``/ip4/127.0.0.1/udp/3000/quic-v1``, with or without ``/p2p/<peer
    id>``. They are kept connected as long as the host runs. ``external_address`` (a multiaddress) replaces the
    listening addresses in identify messages. ``identify_protocol`` is the protocol version in them.

    A connection is lost when nothing arrives for ``idle_timeout`` seconds. A ping every ``keep_alive_interval`` seconds
    keeps a quiet one alive. Durations are in seconds.
    """

    node_key: bytes
    listen_host: str = "0.0.0.0"
    listen_port: int = 0
    initial_peers: tuple[str, ...] = ()
    external_address: str | None = None
    identify_protocol: str = "/nomos/identify/1.0.0"
    gossipsub: GossipsubSettings = field(default_factory=GossipsubSettings)
    idle_timeout: float = 3.0
    keep_alive_interval: float = 1.0
    dial_timeout: float = 2.0

    def __post_init__(self) -> None:
        if len(self.node_key) != 32:
            raise ValueError(f"node_key: expected 32 bytes, got {len(self.node_key)}")
        ipaddress.ip_address(self.listen_host)
        if not 0 <= self.listen_port <= 65_535:
            raise ValueError(f"listen_port: expected 0 to 65535, got {self.listen_port}")
        for address in self.initial_peers:
            parse_endpoint(address)
        if self.keep_alive_interval >= self.idle_timeout:
            raise ValueError(
                f"keep_alive_interval ({self.keep_alive_interval} s) must be below idle_timeout ({self.idle_timeout} s)"
            )

    @property
    def dial_host(self) -> str | None:
        """Local address of outgoing connections. None leaves the choice to the system.

        A node that listens on one address also dials from it. So a relay between two nodes can tell them apart by
        address.
        """
        return None if ipaddress.ip_address(self.listen_host).is_unspecified else self.listen_host
