"""QUIC transport of py-libp2p, adapted for this node.

Each difference is there because the library loses connections or messages, or hides conflicts of ports:

- Peers are dialled by address alone. Their identity comes from the TLS handshake.
- Outgoing connections leave from the address on which the node listens.
- The listening socket is not shared (``SO_REUSEPORT``), so a second node on a port fails at once.
- A quiet connection is kept alive with pings. A connection over which nothing arrives any more is closed and reported.
"""

from __future__ import annotations

import math
import socket
import time
from contextlib import suppress
from weakref import WeakSet

import trio
from aioquic.quic import events
from aioquic.quic.connection import QuicConnection
from libp2p.crypto.keys import PrivateKey
from libp2p.peer.id import ID
from libp2p.transport.quic import connection as library_connection
from libp2p.transport.quic.config import QUICTransportConfig
from libp2p.transport.quic.connection import QUICConnection
from libp2p.transport.quic.exceptions import QUICError
from libp2p.transport.quic.listener import QUICListener
from libp2p.transport.quic.transport import QUICTransport
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from nomos_node.network.addresses import QuicEndpoint, endpoint_of
from nomos_node.network.errors import ListenAddressUnavailable, PeerUnreachable
from nomos_node.network.settings import NetworkSettings

_CLIENT_CONFIG = "quic-v1_client"
_NEGOTIATION_TIMEOUT = 5.0
_PROBE_TIMEOUT = 0.5


def transport_config(settings: NetworkSettings) -> QUICTransportConfig:
    """Return the library's settings: no own goals for connections, and no timeouts on streams that may be idle for
    hours.
    """
    return QUICTransportConfig(
        idle_timeout=settings.idle_timeout,
        enable_draft29=False,
        CONNECTION_HANDSHAKE_TIMEOUT=settings.dial_timeout,
        outbound_stream_protocol_negotiation_timeout=_NEGOTIATION_TIMEOUT,
        inbound_stream_protocol_negotiation_timeout=_NEGOTIATION_TIMEOUT,
        # A gossip stream without traffic is healthy, but the library resets it after 30 s. Callers set deadlines.
        STREAM_READ_TIMEOUT=math.inf,
        # The library does not slow the sender down. It drops bytes that overflow this buffer.
        MAX_STREAM_RECEIVE_BUFFER=1 << 30,
        # Only the configuration decides which peers are dialled.
        min_connections=0,
        low_watermark=0,
        auto_connect_interval=86_400.0,
        max_connections_per_peer=8,
    )


def bind_listen_socket(host: str, port: int) -> socket.socket:
    """Bind the UDP socket of a host.

    Raises:
        ListenAddressUnavailable: the address is in use or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ListenAddressUnavailable(
            f"cannot listen on {endpoint_of(host, port)}: {error.strerror} (UDP {host}:{port}); "
            "stop the program that uses it, or set another network port"
        ) from error
    bound.setblocking(False)
    return bound


class Connection(QUICConnection):
    """QUIC connection that is kept alive, and that reports its end."""

    _transport: Transport

    def __init__(self, *args: object, **keywords: object) -> None:
        super().__init__(*args, **keywords)  # type: ignore[arg-type]
        self._last_arrival = 0.0
        self._transport.live.add(self)

    @property
    def endpoint(self) -> QuicEndpoint:
        """Remote address."""
        return endpoint_of(*self._remote_addr[:2])

    async def probe(self) -> None:
        """Close the connection unless the peer answers a ping within half a second."""
        self._quic.send_ping(0)
        await self._transmit()
        asked = time.monotonic()
        await trio.sleep(_PROBE_TIMEOUT)
        if not self._closed and self._last_arrival < asked:
            await self.close()

    def hang_up(self) -> None:
        """Tell the peer that the connection is over and free the socket. Waits for nothing."""
        if self._closed or self._socket is None:
            return
        self._closed = True
        _send_goodbye(self._quic, self._socket, self._remote_addr)
        if self._owns_socket:
            self._socket.close()

    async def _initiate_connection(self) -> None:
        host = self._remote_addr[0]
        wildcard, family = ("::", socket.AF_INET6) if ":" in host else ("0.0.0.0", socket.AF_INET)
        self._socket = trio.socket.socket(family, socket.SOCK_DGRAM)
        await self._socket.bind((self._transport.dial_host or wildcard, 0))
        self._quic.connect(self._remote_addr, now=time.time())
        await self._transmit()

    async def _start_background_tasks(self) -> None:
        if self._background_tasks_started or self._nursery is None:
            return
        await super()._start_background_tasks()
        self._nursery.start_soon(self._keep_alive)

    async def _keep_alive(self) -> None:
        scope = trio.CancelScope()
        self._task_cancel_scopes.append(scope)
        with scope:
            while not self._closed:
                await trio.sleep(self._transport.keep_alive_interval)
                if not self._closed:
                    self._quic.send_ping(0)
                    await self._transmit()

    async def _handle_timer_events(self) -> None:
        timer = self._quic.get_timer()
        if timer is not None and timer <= time.time():
            self._quic.handle_timer(now=time.time())
            # Without this the library looks at the outcome two seconds later: a peer that hung up, for example.
            self._signal_activity()

    async def _handle_ping_acknowledged(self, event: events.PingAcknowledged) -> None:
        self._last_arrival = time.monotonic()

    async def _handle_connection_terminated(self, event: events.ConnectionTerminated) -> None:
        # The library cancels the task of this function in the middle. Then an idle timeout is never reported to the
        # swarm, and a killed peer stays connected for ever. The swarm is also slow in handling the report, which must
        # not delay the packets of other peers.
        on_close, self.on_close = self.on_close, None
        with trio.CancelScope(shield=True):
            await super()._handle_connection_terminated(event)
        if on_close is not None and self._nursery is not None:
            self._nursery.start_soon(on_close)


# The listener of the library uses this name when it accepts a connection.
library_connection.QUICConnection = Connection  # type: ignore[misc]


class Listener(QUICListener):
    """Listener on a socket that was bound before."""

    _transport: Transport

    async def _create_socket(self, host: str, port: int) -> trio.socket.SocketType:
        return trio.socket.from_stdlib_socket(self._transport.listen_socket)

    async def _process_packet(self, data: bytes, addr: tuple[str, int]) -> None:
        await super()._process_packet(data, addr[:2])  # IPv6 addresses have four parts, and the library fails on them

    @property
    def n_handshakes(self) -> int:
        """Number of connections that are still being negotiated."""
        return len(self._registry._pending)

    def hang_up(self) -> None:
        """Tell peers in the middle of a handshake that it failed, and close the socket."""
        for connection_id, quic in self._registry._pending.items():
            address = self._registry._connection_id_to_addr.get(connection_id)
            if address is not None and self._socket is not None:
                _send_goodbye(quic, self._socket, address)
        # The reader of the socket is told first, in the way of the library. Otherwise it logs an error.
        self._listening = False
        if self._socket is not None:
            self._socket.close()


class Transport(QUICTransport):
    """Transport with one listening socket and any number of outgoing connections."""

    def __init__(self, private_key: PrivateKey, settings: NetworkSettings, listen_socket: socket.socket) -> None:
        self.config = transport_config(settings)
        super().__init__(private_key, config=self.config)
        self.live: WeakSet[Connection] = WeakSet()
        self.listen_socket = listen_socket
        self.dial_host = settings.dial_host
        self.keep_alive_interval = settings.keep_alive_interval

    async def dial_endpoint(self, host: str, port: int, expected: ID | None) -> Connection:
        """Connect to an IP address and port.

        Raises:
            PeerUnreachable: nobody answers there, or it is not the ``expected`` peer.
        """
        if self._background_nursery is None:
            raise PeerUnreachable("the host is not running")
        connection = Connection(
            quic_connection=QuicConnection(configuration=self._quic_configs[_CLIENT_CONFIG]),  # type: ignore[index]
            # The address must look as in packets from there: for QUIC another spelling is another path.
            remote_addr=(host, port, 0, 0) if ":" in host else (host, port),
            remote_peer_id=expected,
            local_peer_id=self._peer_id,
            is_initiator=True,
            maddr=Multiaddr(str(endpoint_of(host, port))),
            transport=self,
            security_manager=self._security_manager,
        )
        try:
            await connection.connect(self._background_nursery)
        except (QUICError, OSError) as error:
            raise PeerUnreachable(f"cannot connect to {endpoint_of(host, port)}: {error}") from error
        return connection

    def create_listener(self, handler_function: object) -> Listener:
        listener = Listener(
            transport=self,
            handler_function=handler_function,  # type: ignore[arg-type]
            quic_configs={name: config for name, config in self._quic_configs.items() if name.endswith("_server")},
            config=self.config,
            security_manager=self._security_manager,
        )
        self._listeners.append(listener)
        return listener

    def hang_up(self) -> None:
        """End every connection and stop listening at once."""
        for connection in tuple(self.live):
            connection.hang_up()
        for listener in self._listeners:
            if isinstance(listener, Listener):
                listener.hang_up()
        self.listen_socket.close()


def _send_goodbye(quic: QuicConnection, sender: trio.socket.SocketType, address: tuple[str, int]) -> None:
    quic.close()
    for datagram, _ in quic.datagrams_to_send(now=time.time()):
        with suppress(OSError):  # the peer notices by its own timeout
            sender._sock.sendto(datagram, address)  # type: ignore[attr-defined]
