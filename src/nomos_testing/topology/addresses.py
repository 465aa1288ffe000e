"""Where a node listens and where the others find it: on loopback, behind a relay, in a container. All are IPv4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddresses:
    chain: str = EVERYWHERE
    """What the chain's libp2p swarm binds."""
    services: str = LOOPBACK
    """What the swarms of data availability and Blend bind."""
    http: str = LOOPBACK
    advertised: str = LOOPBACK
    """By what address the other nodes reach it: in their initial peers, in genesis, in what it tells of itself."""
    relayed: bool = False
    """A relay stands at the advertised address: nobody must learn where the node really listens."""

    @classmethod
    def behind_loopback_relay(cls, own: str) -> Self:
        """A process that binds and dials from ``own``; the relay has 127.0.0.1."""
        return cls(chain=own, services=own, relayed=True)

    @classmethod
    def in_container(cls, address: str) -> Self:
        """A container that the others reach at its own address."""
        return cls(services=EVERYWHERE, http=EVERYWHERE, advertised=address)

    @classmethod
    def in_container_behind(cls, relay: str) -> Self:
        """A container that the others reach through the relay at this address, each node at ports of its own."""
        return cls(services=EVERYWHERE, http=EVERYWHERE, advertised=relay, relayed=True)
