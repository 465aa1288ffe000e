"""The libp2p host, trio side: listens, keeps the configured peers connected, gossips, opens and serves streams."""

from __future__ import annotations

import ipaddress
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.crypto.ed25519 import Ed25519PrivateKey
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.host.exceptions import StreamFailure
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.identify import _mk_identify_protobuf
from libp2p.network.connection import swarm_connection
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.tools.anyio_service import background_trio_service
from libp2p.transport.quic.exceptions import QUICError
from libp2p.transport.upgrader import TransportUpgrader
from libp2p.utils.varint import encode_varint_prefixed
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from nomos_node.network.addresses import QuicEndpoint, endpoint_of, parse_endpoint
from nomos_node.network.errors import PeerUnreachable
from nomos_node.network.events import GossipMessage, NetworkInfo, PeerConnected, PeerDisconnected, PeerEvent
from nomos_node.network.framed_stream import FramedStream
from nomos_node.network.gossip import Gossip, Router
from nomos_node.network.quic import Connection, Listener, Transport
from nomos_node.network.settings import NetworkSettings

logger = logging.getLogger(__name__)

_NEGOTIATION_TIMEOUT = 5
_GOODBYE_TIMEOUT = 0.2
_REDIAL_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Observer(Protocol):
    """Who is told what happens. Called in the trio thread."""

    def message_arrived(self, message: GossipMessage) -> None: ...

    def peer_changed(self, event: PeerEvent) -> None: ...


AcceptStream = Callable[[FramedStream, str, Callable[[], None]], None]
"""Called with an inbound stream, its peer and what to call once the stream has been served."""


class ConfiguredSwarm(Swarm):
    """A swarm that dials nobody of its own accord."""

    def _schedule_auto_connect(self) -> None:
        # The library answers the loss of a peer by dialling whatever addresses peers ever told it.
        return


class Libp2pHost(INotifee):
    """One host: a key, a listening socket, its peers. Everything but the constructor belongs to the trio thread."""

    def __init__(self, settings: NetworkSettings, listen_socket: socket.socket, observer: Observer) -> None:
        self._settings = settings
        self._listen_socket = listen_socket
        self._observer = observer
        self._connected: dict[ID, trio.Event] = {}
        self._n_dials = 0

    async def run(self, ready: Callable[[], None], stop: trio.Event) -> None:
        """Run until ``stop`` is set."""
        self._build()
        async with AsyncExitStack() as services:
            await services.enter_async_context(background_trio_service(self._swarm))
            await services.enter_async_context(background_trio_service(self._gossip.router))
            await services.enter_async_context(background_trio_service(self._gossip))
            await self._gossip.wait_until_ready()
            await self._listen()
            self._nursery = await services.enter_async_context(_cancelled_at_exit())
            for address in self._settings.initial_peers:
                self._nursery.start_soon(self._keep_connected, parse_endpoint(address))
            ready()
            await stop.wait()
            self._nursery.cancel_scope.cancel()
            self._hang_up()

    # Gossip

    async def subscribe(self, topic: str) -> None:
        await self._gossip.subscribe(topic)

    async def unsubscribe(self, topic: str) -> None:
        await self._gossip.unsubscribe(topic)

    async def publish(self, topic: str, data: bytes) -> int | None:
        """Send a message to the peers of a topic: see ``Gossip.publish_own``."""
        return self._gossip.publish_own(topic, data)

    # Streams

    async def open_stream(self, peer_id: str, protocol: str) -> FramedStream:
        """Open a stream to a connected peer.

        Raises:
            PeerUnreachable: the peer is not connected or doesn't speak the protocol.
        """
        peer = ID.from_string(peer_id)
        if not self._swarm.get_connections(peer):
            raise PeerUnreachable(f"peer {peer_id} is not connected")
        try:
            stream = await self._host.new_stream(peer, [TProtocol(protocol)])
        except (StreamFailure, BaseLibp2pError, QUICError) as error:
            raise PeerUnreachable(f"peer {peer_id} opened no stream for {protocol}: {error}") from error
        return FramedStream(stream)

    async def serve(self, protocol: str, accept: AcceptStream, max_concurrent: int) -> None:
        """Accept streams of a protocol; those beyond ``max_concurrent`` are reset."""
        slots = trio.Semaphore(max_concurrent)

        async def handle(stream: INetStream) -> None:
            try:
                slots.acquire_nowait()
            except trio.WouldBlock:
                await stream.reset()
                return
            served = trio.Event()
            try:
                accept(FramedStream(stream), _peer_of(stream).to_base58(), served.set)
                await served.wait()
            finally:
                slots.release()

        self._host.set_stream_handler(TProtocol(protocol), handle)

    # Peers

    async def dial(self, address: str) -> str:
        """Connect to an address once; return the id of the peer found there."""
        return (await self._dial(parse_endpoint(address))).to_base58()

    async def info(self) -> NetworkInfo:
        return NetworkInfo(
            listen_addresses=tuple(str(endpoint) for endpoint in self._listening_endpoints()),
            n_peers=len(self._connected),
            n_connections=self._swarm.get_total_connections(),
            n_pending_connections=self._n_dials + self._listener.n_handshakes,
        )

    async def peers(self) -> tuple[str, ...]:
        return tuple(peer.to_base58() for peer in self._connected)

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id
        for older in self._swarm.get_connections(peer):
            if older is not conn and isinstance(older.muxed_conn, Connection):
                # A peer that was killed and comes back is a stranger to its old connection.
                self._nursery.start_soon(older.muxed_conn.probe)
        if peer not in self._connected:
            self._connected[peer] = trio.Event()
            self._observer.peer_changed(PeerConnected(peer.to_base58()))

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id
        if self._swarm.get_connections(peer):
            self._gossip.renew_stream(peer)
        elif peer in self._connected:
            self._connected.pop(peer).set()
            self._observer.peer_changed(PeerDisconnected(peer.to_base58()))

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None: ...

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    # Construction

    def _build(self) -> None:
        private_key = Ed25519PrivateKey.new(self._settings.node_key)
        keys = KeyPair(private_key, private_key.get_public_key())
        self._peer_id = ID.from_pubkey(keys.public_key)
        peerstore = PeerStore()
        peerstore.add_key_pair(self._peer_id, keys)
        self._transport = Transport(private_key, self._settings, self._listen_socket)
        self._swarm = ConfiguredSwarm(
            self._peer_id,
            peerstore,
            TransportUpgrader({}, {}),  # QUIC brings its own security and multiplexing
            [self._transport],
            connection_config=self._transport._config,
        )
        self._host = BasicHost(
            self._swarm,
            negotiate_timeout=_NEGOTIATION_TIMEOUT,
            addrs_factory=lambda _: [Multiaddr(str(endpoint)) for endpoint in self._announced_endpoints()],
            disable_identify_address_discovery=True,
        )
        self._host.set_stream_handler(IDENTIFY, self._identify)
        self._swarm.set_stream_handler(self._handle_stream)
        self._swarm.register_notifee(self)
        gossipsub = self._settings.gossipsub
        self._gossip = Gossip(self._host, Router(gossipsub), gossipsub, self._deliver)

    async def _listen(self) -> None:
        await self._swarm.event_background_nursery_created.wait()
        address = Multiaddr(str(self._bound_endpoint()))

        async def accept(connection: Connection) -> None:
            await self._swarm._handle_inbound_connection(connection, address)

        self._listener: Listener = self._transport.create_listener(accept)
        self._swarm.listeners[str(address)] = self._listener
        await self._listener.listen(address)

    def _deliver(self, topic: str, data: bytes, author: ID, forwarder: ID) -> None:
        self._observer.message_arrived(GossipMessage(topic, data, author.to_base58(), forwarder.to_base58()))

    # Addresses

    def _bound_endpoint(self) -> QuicEndpoint:
        return endpoint_of(*self._listen_socket.getsockname()[:2])

    def _listening_endpoints(self) -> list[QuicEndpoint]:
        bound = self._bound_endpoint()
        if not ipaddress.ip_address(bound.host).is_unspecified:
            return [bound]
        return [endpoint_of(host, bound.port) for host in _addresses_of_this_machine(bound.protocol)]

    def _announced_endpoints(self) -> list[QuicEndpoint]:
        if self._settings.external_address is not None:
            return [parse_endpoint(self._settings.external_address)]
        return self._listening_endpoints()

    # Connections

    async def _keep_connected(self, endpoint: QuicEndpoint) -> None:
        peer = None if endpoint.peer_id is None else ID.from_string(endpoint.peer_id)
        while True:
            if peer in self._connected:
                await self._connected[peer].wait()
            peer = await self._dial_until_connected(endpoint)
            if peer == self._peer_id:
                return

    async def _dial_until_connected(self, endpoint: QuicEndpoint) -> ID:
        for delay in _redial_delays():
            try:
                return await self._dial(endpoint)
            except PeerUnreachable as error:
                logger.debug("%s; trying again in %.1f s", error, delay)
            await trio.sleep(delay)
        raise AssertionError("unreachable: the delays never end")

    async def _dial(self, endpoint: QuicEndpoint) -> ID:
        expected = None if endpoint.peer_id is None else ID.from_string(endpoint.peer_id)
        host = await _resolve(endpoint)
        self._n_dials += 1
        try:
            connection = await self._transport.dial_endpoint(host, endpoint.port, expected)
        finally:
            self._n_dials -= 1
        if connection.peer_id == self._peer_id:
            logger.warning("%s is this node's own address: it will not be dialled", endpoint)
            await connection.close()
            return connection.peer_id
        try:
            await self._swarm.add_conn(connection, direction="outbound")
        except BaseLibp2pError as error:
            raise PeerUnreachable(f"{endpoint} closed the connection: {error}") from error
        return connection.peer_id

    def _hang_up(self) -> None:
        for connections in self._swarm.connections.values():
            for connection in connections:
                if isinstance(connection.muxed_conn, Connection):
                    connection.muxed_conn.abandon()
        self._listen_socket.close()

    # Inbound streams

    async def _handle_stream(self, stream: INetStream) -> None:
        try:
            await self._host._swarm_stream_handler(stream)
        except (BaseLibp2pError, StreamFailure, QUICError, ValueError) as error:
            # The library would take the whole host down with the stream.
            logger.debug("stream of peer %s ended: %s", _peer_of(stream), error)
            await stream.reset()

    async def _identify(self, stream: INetStream) -> None:
        connection = stream.muxed_conn
        observed = Multiaddr(str(connection.endpoint)) if isinstance(connection, Connection) else None
        message = _mk_identify_protobuf(self._host, observed)
        message.protocol_version = self._settings.identify_protocol
        await stream.write(encode_varint_prefixed(message.SerializeToString()))
        await stream.close()


def _redial_delays() -> Iterator[float]:
    """Seconds to wait before each further attempt: short ones first, then 5 s for ever, each +-20 %."""
    attempt = 0
    while True:
        yield _REDIAL_DELAYS[min(attempt, len(_REDIAL_DELAYS) - 1)] * random.uniform(0.8, 1.2)
        attempt += 1


def _peer_of(stream: INetStream) -> ID:
    return stream.muxed_conn.peer_id


async def _resolve(endpoint: QuicEndpoint) -> str:
    if endpoint.protocol.startswith("ip"):
        return endpoint.host
    family = {"dns4": socket.AF_INET, "dns6": socket.AF_INET6}.get(endpoint.protocol, socket.AF_UNSPEC)
    try:
        found = await trio.socket.getaddrinfo(endpoint.host, endpoint.port, family, socket.SOCK_DGRAM)
    except OSError as error:
        raise PeerUnreachable(f"cannot resolve {endpoint}: {error}") from error
    return str(found[0][4][0])


def _addresses_of_this_machine(protocol: str) -> list[str]:
    import psutil

    family = socket.AF_INET if protocol == "ip4" else socket.AF_INET6
    addresses = (entry for entries in psutil.net_if_addrs().values() for entry in entries)
    return [entry.address.partition("%")[0] for entry in addresses if entry.family == family]


@asynccontextmanager
async def _cancelled_at_exit() -> AsyncIterator[trio.Nursery]:
    async with trio.open_nursery() as nursery:
        yield nursery
        nursery.cancel_scope.cancel()


def quiet_library_logs() -> None:
    """Keep py-libp2p's and aioquic's logs to themselves unless this package's own log is at trace level.

    What they call errors are peers that come and go; what matters of it is logged here.
    """
    level = logging.DEBUG if logging.getLogger("nomos_node.network").isEnabledFor(5) else logging.CRITICAL
    for name in ("libp2p", "quic"):
        library_logger = logging.getLogger(name)
        library_logger.setLevel(level)
        library_logger.propagate = True
    # These modules log through ``logging.debug`` and the like, which puts a handler for stderr on the root logger.
    swarm_connection.logging = logging.getLogger("libp2p.network.connection")  # type: ignore[attr-defined, assignment]


quiet_library_logs()
