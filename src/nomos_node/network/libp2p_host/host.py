"""The libp2p host: listens, gossips, opens and serves streams. Runs in a trio thread."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Protocol

import trio
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import Ed25519PrivateKey
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import StreamHandlerFn, TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.host.exceptions import StreamFailure
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.identify import _mk_identify_protobuf
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.tools.anyio_service import background_trio_service
from libp2p.transport.quic.exceptions import QUICError
from libp2p.transport.upgrader import TransportUpgrader
from libp2p.utils.varint import encode_varint_prefixed
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from nomos_node.network.addresses import QuicEndpoint, endpoint_of, parse_endpoint
from nomos_node.network.errors import PeerUnreachable
from nomos_node.network.events import GossipMessage, NetworkInfo, PeerEvent
from nomos_node.network.libp2p_host import log_filters  # noqa: F401 (undoes what the libraries set up)
from nomos_node.network.libp2p_host.framed_stream import FramedStream
from nomos_node.network.libp2p_host.gossip import Gossip, Router
from nomos_node.network.libp2p_host.name_resolution import reachable_endpoints
from nomos_node.network.libp2p_host.peering import ConfiguredSwarm, Peering
from nomos_node.network.libp2p_host.quic import Connection, Transport
from nomos_node.network.settings import NetworkSettings


class Observer(Protocol):
    """Receiver of the host's events. Called in the trio thread."""

    def message_arrived(self, message: GossipMessage) -> None: ...

    def peer_changed(self, event: PeerEvent) -> None: ...


AcceptStream = Callable[[FramedStream, str, Callable[[], None]], None]
"""Function for an inbound stream. Its arguments are the stream, its peer, and a function to call once the stream is
served.
"""


class Libp2pHost:
    """Host with a key, a listening socket and peers.

    Call the constructor, ``listen_on`` and ``serve`` before ``run``. The rest belongs to the thread that runs it.
    """

    def __init__(self, settings: NetworkSettings, observer: Observer, log: logging.Logger) -> None:
        self._settings = settings
        self._log = log
        self._observer = observer
        self._handlers: dict[TProtocol, StreamHandlerFn] = {}

    def listen_on(self, listen_socket: socket.socket) -> None:
        """Take the bound UDP socket to listen on. The host closes it when it ends."""
        self._listen_socket = listen_socket
        self._bound = endpoint_of(*listen_socket.getsockname()[:2])

    def serve(self, protocol: str, accept: AcceptStream, max_concurrent: int) -> None:
        """Accept streams of a protocol once the host runs. Those beyond ``max_concurrent`` are reset."""
        self._handlers[TProtocol(protocol)] = _limited_handler(accept, protocol, max_concurrent, self._log)

    async def run(self, ready: Callable[[], None], stop: trio.Event) -> None:
        """Run until ``stop`` is set, then hang up."""
        self._build()
        async with AsyncExitStack() as services:
            for service in (self._swarm, self._gossip.router, self._gossip):
                await services.enter_async_context(background_trio_service(service))
            try:
                await self._gossip.wait_until_ready()
                async with trio.open_nursery() as nursery:
                    self._peering.attach(nursery, self._gossip)
                    await self._listen()
                    for address in self._settings.initial_peers:
                        nursery.start_soon(self._peering.keep_connected, parse_endpoint(address))
                    ready()
                    await stop.wait()
                    nursery.cancel_scope.cancel()
            finally:
                # This must also happen after the failure of a service, or the sockets stay open.
                self._transport.hang_up()

    # Gossip

    async def subscribe(self, topic: str) -> None:
        await self._gossip.subscribe(topic)

    async def publish(self, topic: str, data: bytes) -> int | None:
        """Send a message to the peers of a topic. See ``Gossip.publish_own``."""
        return self._gossip.publish_own(topic, data)

    # Streams

    async def open_stream(self, peer_id: str, protocol: str) -> FramedStream:
        """Open a stream to a connected peer.

        Raises:
            PeerUnreachable: the peer is not connected or doesn't speak the protocol.
        """
        peer = ID.from_string(peer_id)
        if not self._peering.is_connected(peer):
            raise PeerUnreachable(f"peer {peer_id} is not connected")
        try:
            return FramedStream(await self._host.new_stream(peer, [TProtocol(protocol)]))
        except (StreamFailure, BaseLibp2pError, QUICError) as error:
            raise PeerUnreachable(f"peer {peer_id} opened no stream for {protocol}: {error}") from error

    # Peers

    async def dial(self, address: str) -> str:
        """Connect to an address once. Return the id of the peer there."""
        return (await self._peering.dial(parse_endpoint(address))).to_base58()

    async def disconnect(self, peer_id: str) -> None:
        """Close all connections to a peer."""
        await self._swarm.close_peer(ID.from_string(peer_id))

    async def peers(self) -> tuple[str, ...]:
        return tuple(peer.to_base58() for peer in self._peering.peers)

    async def info(self) -> NetworkInfo:
        return NetworkInfo(
            listen_addresses=tuple(str(endpoint) for endpoint in reachable_endpoints(self._bound)),
            n_peers=len(self._peering.peers),
            n_connections=self._swarm.get_total_connections(),
            n_pending_connections=self._peering.n_dials + self._listener.n_handshakes,
        )

    # Inside

    def _build(self) -> None:
        private_key = Ed25519PrivateKey.new(self._settings.node_key)
        keys = KeyPair(private_key, private_key.get_public_key())
        peer_id = ID.from_pubkey(keys.public_key)
        peerstore = PeerStore()
        peerstore.add_key_pair(peer_id, keys)
        self._transport = Transport(private_key, self._settings, self._listen_socket)
        upgrader = TransportUpgrader({}, {})  # QUIC has its own security and multiplexing
        config = self._transport.config
        self._swarm = ConfiguredSwarm(peer_id, peerstore, upgrader, [self._transport], connection_config=config)
        self._peering = Peering(self._swarm, self._transport, self._observer.peer_changed, self._log)
        self._host = BasicHost(
            self._swarm,
            addrs_factory=lambda _: [Multiaddr(str(endpoint)) for endpoint in self._announced_endpoints()],
            disable_identify_address_discovery=True,
        )
        for protocol, handler in {IDENTIFY: self._identify, **self._handlers}.items():
            self._host.set_stream_handler(protocol, handler)
        self._swarm.set_stream_handler(self._handle_stream)
        self._gossip = Gossip(self._host, Router(self._settings.gossipsub), self._settings.gossipsub, self._deliver)

    async def _listen(self) -> None:
        await self._swarm.event_background_nursery_created.wait()
        address = Multiaddr(str(self._bound))
        self._listener = self._transport.create_listener(self._peering.accept)
        self._swarm.listeners[str(address)] = self._listener
        await self._listener.listen(address)

    def _deliver(self, topic: str, data: bytes, author: ID, forwarder: ID) -> None:
        self._observer.message_arrived(GossipMessage(topic, data, author.to_base58(), forwarder.to_base58()))

    def _announced_endpoints(self) -> list[QuicEndpoint]:
        if self._settings.external_address is not None:
            return [parse_endpoint(self._settings.external_address)]
        return reachable_endpoints(self._bound)

    async def _handle_stream(self, stream: INetStream) -> None:
        try:
            await self._host._swarm_stream_handler(stream)
        except Exception:  # an error that a peer causes must not end the whole host, as it would in the library
            self._log.debug("a stream of peer %s failed", _peer_of(stream), exc_info=True)
            await stream.reset()

    async def _identify(self, stream: INetStream) -> None:
        connection = stream.muxed_conn
        observed = Multiaddr(str(connection.endpoint)) if isinstance(connection, Connection) else None
        message = _mk_identify_protobuf(self._host, observed)
        message.protocol_version = self._settings.identify_protocol
        await stream.write(encode_varint_prefixed(message.SerializeToString()))
        await stream.close()


def _limited_handler(accept: AcceptStream, protocol: str, max_concurrent: int, log: logging.Logger) -> StreamHandlerFn:
    slots = trio.Semaphore(max_concurrent)

    async def handle(stream: INetStream) -> None:
        try:
            slots.acquire_nowait()
        except trio.WouldBlock:
            log.debug("refused peer %s a stream of %s: %d are open", _peer_of(stream), protocol, max_concurrent)
            await stream.reset()
            return
        served = trio.Event()
        try:
            accept(FramedStream(stream), _peer_of(stream).to_base58(), served.set)
            await served.wait()
        finally:
            slots.release()

    return handle


def _peer_of(stream: INetStream) -> ID:
    return stream.muxed_conn.peer_id
