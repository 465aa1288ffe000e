"""Settings of one libp2p host: identity, addresses, gossip parameters and how fast a lost peer is noticed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from nomos_node.network.addresses import parse_endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipsubSettings:
    """The mesh parameters of gossipsub 1.1; the defaults are those of the Rust node.

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
    """One host: its key, where it listens, whom it dials.

    ``node_key`` is the 32-byte Ed25519 secret; the peer id follows from it. ``listen_port`` 0 takes a free port.
    ``initial_peers`` are multiaddresses such as ``/ip4/127.0.0.1/udp/3000/quic-v1``, with or without ``/p2p/<peer
    id>``; they are kept connected for as long as the host runs. ``external_address`` (a multiaddress) replaces the
    listening addresses in what identify tells peers. ``identify_protocol`` is the protocol version identify sends.

    A connection over which nothing arrives for ``idle_timeout`` seconds is lost; a ping every
    ``keep_alive_interval`` seconds keeps a quiet one alive. Durations are in seconds.
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
        """The local address outgoing connections are made from; ``None`` leaves the choice to the system.

        A node that listens on one address also dials from it, so that whoever stands between two nodes can tell
        them apart by address alone.
        """
        return None if ipaddress.ip_address(self.listen_host).is_unspecified else self.listen_host
