"""Network service: publish, subscribe, request, serve, peers."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Self

from nomos_core.keys import Ed25519Key, peer_id
from nomos_node.network.errors import NetworkClosed, StreamBroken
from nomos_node.network.events import GossipMessage, NetworkInfo, PeerConnected, PeerEvent
from nomos_node.network.feed import Feed
from nomos_node.network.libp2p_host.framed_stream import FramedStream
from nomos_node.network.libp2p_host.host import Libp2pHost
from nomos_node.network.libp2p_host.quic import bind_listen_socket
from nomos_node.network.settings import NetworkSettings
from nomos_node.network.streams import Stream
from nomos_node.network.traffic import Traffic
from nomos_node.network.trio_thread import TrioThread
from nomos_node.telemetry.levels import TRACE

FEED_CAPACITY = 8_192
MAX_PUBLISH_RETRIES = 3
PUBLISH_BACKOFF = 5.0
"""Base of the exponential back-off in seconds: a message without peers is sent again after 1, 5 and 25 seconds."""

RequestHandler = Callable[[bytes, str], AsyncIterator[bytes]]
"""Function that answers a request: gets the frame and the peer's id, yields the frames of the answer."""
StreamHandler = Callable[[Stream], Awaitable[None]]


class NetworkService:
    """Network on a libp2p host in a thread of its own.

    Use it from the event loop that started it. Several may run at the same time. ``async with`` starts and closes it.
    It can't be started again. A network beside that of gossip and chain sync has its own ``log``.
    """

    def __init__(self, settings: NetworkSettings, log: logging.Logger | None = None) -> None:
        self.settings = settings
        self._log = log or logging.getLogger("nomos_network")
        self.peer_id = peer_id(Ed25519Key(settings.node_key).public)
        self.traffic = Traffic()
        self._topics: defaultdict[str, list[Feed[GossipMessage]]] = defaultdict(list)
        self._peer_feeds: list[Feed[PeerEvent]] = []
        self._tasks: dict[asyncio.Task[None], None] = {}
        """Running tasks in the order of their start."""
        self._connected: set[str] = set()
        self._host = Libp2pHost(settings, self, self._log)
        self._thread: TrioThread | None = None

    async def start(self) -> None:
        """Bind the sockets, start the host and begin to dial the initial peers.

        Raises:
            ListenAddressUnavailable: the UDP port is in use.
        """
        listen_socket = bind_listen_socket(self.settings.listen_host, self.settings.listen_port)
        self._host.listen_on(listen_socket)
        self._thread = TrioThread(self._host, name=f"libp2p-{self.peer_id[-6:]}")
        self._emit = self._thread.emit
        try:
            await self._thread.start()
        except BaseException:
            self._thread = None
            listen_socket.close()
            raise
        self._watch = asyncio.create_task(self._watch_host(self._thread))
        self._log.info("listening at UDP %s:%d as peer %s", *listen_socket.getsockname()[:2], self.peer_id)

    async def close(self) -> None:
        """Hang up, stop the thread and end every feed. Does nothing when the network does not run."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await thread.stop()
        await self._watch
        self._log.info("closed the network")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # Gossip

    async def subscribe(self, topic: str) -> Feed[GossipMessage]:
        """Join a topic. The feed gets every message from now on, also those of this node."""
        feed = Feed[GossipMessage](FEED_CAPACITY, self._topics[topic].remove)
        self._topics[topic].append(feed)
        await self._running().call(self._host.subscribe, topic)
        self._log.debug("joined topic %s", topic)
        return feed

    async def publish(self, topic: str, data: bytes) -> None:
        """Send a message to every peer of a topic, then to the subscribers in this node.

        Without peers the message is sent again three times in the background, and then dropped with an error in the
        log. The subscribers in this node get it only once it has been sent. A message that was sent before is dropped.

        Raises:
            MessageTooLarge: the message exceeds what peers take.
        """
        if not await self._publish_once(topic, data):
            self._spawn(self._publish_later(topic, data))

    # Streams

    async def open_stream(self, peer_id: str, protocol: str) -> Stream:
        """Open a stream to a connected peer.

        Raises:
            PeerUnreachable: the peer is not connected or doesn't speak the protocol.
        """
        thread = self._running()
        stream = await thread.call(self._host.open_stream, peer_id, protocol)
        self._log.debug("opened a stream of %s to peer %s", protocol, peer_id)
        return self._stream(thread, stream, peer_id, protocol)

    async def request(
        self, peer_id: str, protocol: str, frame: bytes, *, timeout: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Send one frame and yield the frames of the answer until the peer ends it.

        ``timeout`` is the longest wait for each frame, in seconds. Ending the iteration early (``aclose``) resets the
        stream.

        Raises:
            PeerUnreachable, StreamBroken, RequestFailed: as for ``open_stream`` and ``Stream.read_frame``.
        """
        async with await self.open_stream(peer_id, protocol) as stream:
            await stream.write_frame(frame)
            while (answer := await stream.read_frame(timeout)) is not None:
                yield answer

    def serve(self, protocol: str, handler: RequestHandler, *, max_concurrent: int) -> None:
        """Answer requests: one frame comes in, and the frames that ``handler`` yields go out. Call it before ``start``.

        An error in the handler is logged and resets the stream. Requests beyond ``max_concurrent`` are reset too.
        """

        async def answer(stream: Stream) -> None:
            request = await stream.read_frame()
            if request is not None:
                async for frame in handler(request, stream.peer_id):
                    await stream.write_frame(frame)

        self.serve_streams(protocol, answer, max_concurrent=max_concurrent)

    def serve_streams(self, protocol: str, handler: StreamHandler, *, max_concurrent: int) -> None:
        """Pass inbound streams of a protocol to ``handler``, each in its own task. The stream is closed when it
        returns.

        Call it before ``start``, so that no peer finds the protocol missing.
        """

        def accept(stream: FramedStream, peer: str, served: Callable[[], None]) -> None:
            self._emit(self._spawn_handler, handler, stream, peer, protocol, served)

        self._host.serve(protocol, accept, max_concurrent)

    # Peers

    async def dial(self, address: str) -> str:
        """Connect to a multiaddress once. Return the id of the peer there.

        Raises:
            PeerUnreachable: nobody answers.
            AddressError: ``address`` is no QUIC multiaddress.
        """
        return await self._running().call(self._host.dial, address)

    async def disconnect(self, peer_id: str) -> None:
        """Hang up on a peer. Does nothing when it is not connected. Initial peers are dialled again."""
        await self._running().call(self._host.disconnect, peer_id)

    async def info(self) -> NetworkInfo:
        return await self._running().call(self._host.info)

    async def peers(self) -> tuple[str, ...]:
        """Return the ids of the connected peers."""
        return await self._running().call(self._host.peers)

    def peer_events(self) -> Feed[PeerEvent]:
        """Return a feed of peers that connect and disconnect from now on."""
        feed = Feed[PeerEvent](FEED_CAPACITY, self._peer_feeds.remove)
        self._peer_feeds.append(feed)
        return feed

    # Called by the host, in its thread

    def message_arrived(self, message: GossipMessage) -> None:
        self._emit(self._take, message)

    def peer_changed(self, event: PeerEvent) -> None:
        self._emit(self._announce, event)

    # Inside

    def _running(self) -> TrioThread:
        if self._thread is None:
            raise NetworkClosed("the network is not running")
        return self._thread

    def _stream(self, thread: TrioThread, stream: FramedStream, peer: str, protocol: str) -> Stream:
        return Stream(thread, stream, peer_id=peer, protocol=protocol, frames=self.traffic.frames, log=self._log)

    def _take(self, message: GossipMessage) -> None:
        self.traffic.arrived.add()
        self._log.log(
            TRACE,
            "gossip in: %d bytes of topic %s, published by %s, handed on by %s",
            len(message.data),
            message.topic,
            message.source,
            message.forwarder,
        )
        self._hand_out(message)

    def _hand_out(self, message: GossipMessage) -> None:
        for feed in tuple(self._topics[message.topic]):
            if not feed.offer(message) and feed.dropped == 1:
                self._log.warning(
                    "a subscriber of %s is too slow: %d messages wait, dropping more", message.topic, FEED_CAPACITY
                )

    def _announce(self, event: PeerEvent) -> None:
        self.traffic.peer_changes.add()
        if isinstance(event, PeerConnected):
            self._connected.add(event.peer_id)
            self._log.info("peer %s connected, %d peers now", event.peer_id, len(self._connected))
        else:
            self._connected.discard(event.peer_id)
            self._log.info("peer %s disconnected, %d peers left", event.peer_id, len(self._connected))
        for feed in tuple(self._peer_feeds):
            feed.offer(event)

    async def _watch_host(self, thread: TrioThread) -> None:
        try:
            await thread.wait_finished()
        except Exception:
            self._log.critical("the network host failed: this node is cut off", exc_info=True)
        self._end_feeds()

    def _end_feeds(self) -> None:
        feeds: list[Feed[GossipMessage] | Feed[PeerEvent]] = [*self._peer_feeds]
        for subscribers in self._topics.values():
            feeds += subscribers
        for feed in feeds:
            feed.close()

    async def _publish_once(self, topic: str, data: bytes) -> bool:
        reached = await self._running().call(self._host.publish, topic, data)
        if reached is None:
            self._log.error("failed to broadcast message to topic: %s Duplicate", topic)
        elif reached:
            self._log.log(TRACE, "gossip out: %d bytes of topic %s to %d peers", len(data), topic, reached)
            self.traffic.sent.add()
            self._hand_out(GossipMessage(topic, data))
        return reached != 0

    async def _publish_later(self, topic: str, data: bytes) -> None:
        for retry in range(MAX_PUBLISH_RETRIES):
            wait = PUBLISH_BACKOFF**retry
            self._log.error("failed to broadcast message to topic due to insufficient peers, trying again in %gs", wait)
            await asyncio.sleep(wait)
            if await self._publish_once(topic, data):
                return
        self.traffic.unsent.add()
        self._log.error("failed to broadcast message to topic: %s InsufficientPeers", topic)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def _spawn_handler(
        self, handler: StreamHandler, stream: FramedStream, peer: str, protocol: str, served: Callable[[], None]
    ) -> None:
        if self._thread is not None:
            self._log.debug("peer %s opened a stream of %s", peer, protocol)
            inbound = self._stream(self._thread, stream, peer, protocol)
            self._spawn(self._handle_stream(handler, inbound, served))

    async def _handle_stream(self, handler: StreamHandler, stream: Stream, served: Callable[[], None]) -> None:
        try:
            async with stream:
                await handler(stream)
        except (StreamBroken, NetworkClosed) as error:
            self._log.debug("stream %s of peer %s: %s", stream.protocol, stream.peer_id, error)
        except Exception:
            self._log.exception("serving %s to peer %s failed", stream.protocol, stream.peer_id)
        finally:
            if self._thread is not None:
                self._thread.notify(served)
