"""Connections between members: a network of their own, apart from gossip and chain sync.

A member is dialled at the address of its declaration: when a message must be sent to it, or when the balancer wants
more connections to a subnetwork. A member that did not answer is left alone for a moment. A blocked one is left alone
for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum, auto

from nomos_node.da.peer_failures import Exchange, Health, PeerFailures
from nomos_node.da.settings import ConnectionSettings
from nomos_node.network.addresses import AddressError, parse_endpoint
from nomos_node.network.errors import NetworkError, PeerUnreachable
from nomos_node.network.events import PeerConnected
from nomos_node.network.peer_network import FrameStream, Network
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_da_network")


class PeerAvoided(PeerUnreachable):
    """Error: this node wants no connection to the peer at the moment. The peer has not failed."""


class Direction(Enum):
    """Side that dialled."""

    INBOUND = auto()
    OUTBOUND = auto()


class DaSwarm:
    """Connections of one node.

    ``address_of`` gives a member's multiaddress. ``network`` is started and closed by the one who made it.
    """

    def __init__(self, network: Network, address_of: Callable[[str], str | None], settings: ConnectionSettings) -> None:
        self.peer_id = network.peer_id
        self.failures = PeerFailures(settings.limits)
        self._network = network
        self._address_of = address_of
        self._cooldown = settings.redial_cooldown
        self._connected: dict[str, Direction] = {}
        self._dialling: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._resting: dict[str, float] = {}
        """Times until which peers are left alone, by the monotonic clock."""
        self._blocked: set[str] = set()

    @property
    def connected(self) -> Mapping[str, Direction]:
        """Connected peers, by the side that dialled."""
        return self._connected

    @property
    def blocked(self) -> frozenset[str]:
        return frozenset(self._blocked)

    async def run(self) -> None:
        """Keep the list of connected peers up to date. Ends with the network."""
        async with self._network.peer_events() as events:
            for peer in await self._network.peers():
                self._connected.setdefault(peer, Direction.INBOUND)
            async for event in events:
                if isinstance(event, PeerConnected):
                    await self._arrived(event.peer_id)
                else:
                    self._connected.pop(event.peer_id, None)

    async def connect(self, peer: str) -> None:
        """Dial a peer that is not connected.

        Raises:
            PeerAvoided: blocked, or left alone at the moment.
            PeerUnreachable: without an address, or not answering.
        """
        if peer in self._blocked:
            raise PeerAvoided(f"peer {peer} is blocked")
        async with self._dialling[peer]:
            if peer in self._connected:
                return
            if self._resting.get(peer, 0.0) > monotonic():
                raise PeerAvoided(f"peer {peer} did not answer a moment ago")
            try:
                await self._network.dial(self._endpoint(peer))
            except NetworkError:
                self._resting[peer] = monotonic() + self._cooldown
                raise
            self._connected.setdefault(peer, Direction.OUTBOUND)

    async def open_stream(self, peer: str, protocol: str) -> FrameStream:
        """Open a stream to a member. The member is dialled if it is not connected.

        Raises:
            PeerUnreachable: as ``connect``, or the peer does not speak the protocol.
            NetworkClosed: the node ends.
        """
        await self.connect(peer)
        return await self._network.open_stream(peer, protocol)

    async def record_failure(self, peer: str, exchange: Exchange, cause: Exception | None = None) -> None:
        """Count a failure of a peer, and keep away from it after too many."""
        if isinstance(cause, PeerAvoided):
            return
        _log.debug("peer %s failed in %s: %s", peer, exchange.value, cause or "no good answer")
        match self.failures.record(peer, exchange):
            case Health.MALICIOUS:
                _log.warning("blocking peer %s: too many failures of %s", peer, exchange.value)
                await self.block(peer)
            case Health.UNHEALTHY:
                _log.debug("leaving peer %s alone for %g s: failures of %s", peer, self._cooldown, exchange.value)
                self._resting[peer] = monotonic() + self._cooldown
                await self._network.disconnect(peer)

    async def block(self, peer: str) -> bool:
        """Block a peer for ever. Return False when it was blocked."""
        if peer in self._blocked:
            return False
        self._blocked.add(peer)
        await self._network.disconnect(peer)
        return True

    def unblock(self, peer: str) -> bool:
        """Unblock a peer. Return False when it was not blocked."""
        self._resting.pop(peer, None)
        if peer not in self._blocked:
            return False
        self._blocked.remove(peer)
        return True

    async def _arrived(self, peer: str) -> None:
        if peer in self._blocked:
            await self._network.disconnect(peer)
        elif peer not in self._connected:
            dialled = peer in self._dialling and self._dialling[peer].locked()
            self._connected[peer] = Direction.OUTBOUND if dialled else Direction.INBOUND

    def _endpoint(self, peer: str) -> str:
        address = self._address_of(peer)
        if address is None:
            raise PeerUnreachable(f"no session knows the address of peer {peer}")
        try:
            return str(replace(parse_endpoint(address), peer_id=peer))
        except AddressError as error:
            raise PeerUnreachable(f"peer {peer} declared no address to dial: {error}") from None
