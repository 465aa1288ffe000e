"""Peering: dials the configured peers again and again, and reports peers that connect and disconnect."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from typing import Protocol

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.exceptions import BaseLibp2pError
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from nomos_node.network.addresses import QuicEndpoint
from nomos_node.network.errors import PeerUnreachable
from nomos_node.network.events import PeerConnected, PeerDisconnected, PeerEvent
from nomos_node.network.libp2p_host.name_resolution import resolve
from nomos_node.network.libp2p_host.quic import Connection, Transport

_REDIAL_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class GossipStreams(Protocol):
    """Keeper of one gossip stream for each peer."""

    def renew_stream(self, peer_id: ID) -> None: ...


class ConfiguredSwarm(Swarm):
    """Swarm that dials no peer by itself."""

    def _init_connection_management(self) -> None:
        super()._init_connection_management()
        self.auto_connector = _NoAutoConnector(self)

    def _select_connection(self, connections: list[INetConn], peer_id: ID) -> INetConn:
        return connections[-1]  # a peer that restarted knows only the newest connection


class _NoAutoConnector(AutoConnector):
    # After the loss of a peer, the library dials all addresses that peers ever told it.
    async def maybe_connect(self) -> None:
        return


class Peering(INotifee):
    """Peers of one swarm. A peer has one entry, however many connections there are."""

    def __init__(
        self, swarm: Swarm, transport: Transport, report: Callable[[PeerEvent], None], log: logging.Logger
    ) -> None:
        self._swarm = swarm
        self._transport = transport
        self._report = report
        self._log = log
        self._lost: dict[ID, trio.Event] = {}
        self.n_dials = 0
        """Number of outgoing connections that are being made."""

    def attach(self, nursery: trio.Nursery, gossip: GossipStreams) -> None:
        """Begin to observe the swarm. Background work goes to ``nursery``."""
        self._nursery = nursery
        self._gossip = gossip
        self._swarm.register_notifee(self)

    @property
    def peers(self) -> tuple[ID, ...]:
        return tuple(self._lost)

    def is_connected(self, peer: ID) -> bool:
        return peer in self._lost

    async def keep_connected(self, endpoint: QuicEndpoint) -> None:
        """Dial an endpoint whenever its peer is not connected, for ever."""
        peer = _expected_peer(endpoint)
        while True:
            if peer in self._lost:
                await self._lost[peer].wait()
            peer = await self._dial_until_connected(endpoint)
            if peer == self._swarm.get_peer_id():
                self._log.warning("%s is this node's own address: it will not be dialled", endpoint)
                return

    async def dial(self, endpoint: QuicEndpoint) -> ID:
        """Connect once. Return the peer at the endpoint.

        Raises:
            PeerUnreachable: nobody, or not the peer the endpoint names.
        """
        connection = await self._connect(endpoint)
        try:
            await self._adopt(connection, "outbound")
        except BaseLibp2pError as error:
            raise PeerUnreachable(f"{endpoint} closed the connection: {error}") from error
        return connection.peer_id

    async def accept(self, connection: Connection) -> None:
        """Add a peer that dialled this host."""
        # The library's handler is not used: each call ends only with the swarm, and after 300 calls it accepts no peer.
        try:
            await self._adopt(connection, "inbound")
        except BaseLibp2pError as error:
            self._log.debug("%s hung up: %s", connection.endpoint, error)
            await connection.close()

    async def _adopt(self, connection: Connection, direction: str) -> None:
        if connection.peer_id == self._swarm.get_peer_id():
            await connection.close()
        else:
            self._log.debug("%s connection to peer %s at %s", direction, connection.peer_id, connection.endpoint)
            await self._swarm.add_conn(connection, direction=direction)

    async def _connect(self, endpoint: QuicEndpoint) -> Connection:
        self.n_dials += 1
        self._log.debug("dialling %s", endpoint)
        try:
            return await self._transport.dial_endpoint(await resolve(endpoint), endpoint.port, _expected_peer(endpoint))
        finally:
            self.n_dials -= 1

    async def _dial_until_connected(self, endpoint: QuicEndpoint) -> ID:
        delays = _redial_delays()
        while True:
            try:
                return await self.dial(endpoint)
            except PeerUnreachable as error:
                delay = next(delays)
                self._log.debug("%s; trying again in %.1f s", error, delay)
                await trio.sleep(delay)

    # The swarm's notifications

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id
        for older in self._swarm.get_connections(peer):
            if older is not conn and isinstance(older.muxed_conn, Connection):
                # A peer that was killed and restarted does not know its old connection.
                self._nursery.start_soon(older.muxed_conn.probe)
        if peer not in self._lost:
            self._lost[peer] = trio.Event()
            self._report(PeerConnected(peer.to_base58()))

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id
        if self._swarm.get_connections(peer):
            self._log.debug("one of several connections to peer %s is gone", peer)
            self._gossip.renew_stream(peer)
        elif peer in self._lost:
            self._lost.pop(peer).set()
            self._report(PeerDisconnected(peer.to_base58()))

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None: ...


def _expected_peer(endpoint: QuicEndpoint) -> ID | None:
    return None if endpoint.peer_id is None else ID.from_string(endpoint.peer_id)


def _redial_delays() -> Iterator[float]:
    """Yield the seconds to wait before each further attempt: first short ones, then 5 s for ever, each with 20 % of
    jitter.
    """
    attempt = 0
    while True:
        yield _REDIAL_DELAYS[min(attempt, len(_REDIAL_DELAYS) - 1)] * random.uniform(0.8, 1.2)
        attempt += 1
