"""The IPv4 addresses of a node: where it listens and where other nodes reach it, in each of the deployers' networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddresses:
    """The addresses of one node. The defaults are those of a process on loopback."""

    chain: str = EVERYWHERE
    """The address that the chain's libp2p swarm binds."""
    services: str = LOOPBACK
    """The address that the swarms of data availability and Blend bind."""
    http: str = LOOPBACK
    advertised: str = LOOPBACK
    """The address at which other nodes reach it. Initial peers, genesis and the node's messages name it."""
    relayed: bool = False
    """A relay listens at the advertised address. Other nodes must not learn where the node itself listens."""

    @classmethod
    def behind_loopback_relay(cls, own: str) -> Self:
        """Return the addresses of a process that binds and dials from ``own``. The relay has 127.0.0.1."""
        return cls(chain=own, services=own, relayed=True)

    @classmethod
    def in_container(cls, address: str) -> Self:
        """Return the addresses of a container that other nodes reach at its own address."""
        return cls(services=EVERYWHERE, http=EVERYWHERE, advertised=address)

    @classmethod
    def in_container_behind(cls, relay: str) -> Self:
        """Return the addresses of a container behind the relay at ``relay``. Each node has ports of its own there."""
        return cls(services=EVERYWHERE, http=EVERYWHERE, advertised=relay, relayed=True)
