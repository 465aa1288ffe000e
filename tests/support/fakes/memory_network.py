"""Peers in one process, for tests: gossip and requests between them without sockets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import count

from nomos_node.network.broadcast import Broadcast
from nomos_node.network.errors import PeerUnreachable, RequestFailed
from nomos_node.network.events import GossipMessage, NetworkInfo, PeerConnected, PeerDisconnected, PeerEvent
from nomos_node.network.feed import Feed

Handler = Callable[[bytes, str], AsyncIterator[bytes]]

_numbers = count()


class MemoryPeer:
    """One node's network; ``connect`` joins two of them. What it publishes reaches it too, as with the real one."""

    def __init__(self, name: str = "") -> None:
        self.peer_id = name or f"peer-{next(_numbers)}"
        self.published: list[tuple[str, bytes]] = []
        self.silent = False
        """Requests to this peer time out."""
        self._neighbours: dict[str, MemoryPeer] = {}
        self._handlers: dict[str, Handler] = {}
        self._topics: defaultdict[str, Broadcast[GossipMessage]] = defaultdict(Broadcast)
        self._events: Broadcast[PeerEvent] = Broadcast()

    def connect(self, other: MemoryPeer) -> None:
        for one, two in ((self, other), (other, self)):
            one._neighbours[two.peer_id] = two
            one._events.publish(PeerConnected(two.peer_id))

    def disconnect(self, other: MemoryPeer) -> None:
        for one, two in ((self, other), (other, self)):
            del one._neighbours[two.peer_id]
            one._events.publish(PeerDisconnected(two.peer_id))

    async def subscribe(self, topic: str) -> Feed[GossipMessage]:
        return self._topics[topic].subscribe()

    async def publish(self, topic: str, data: bytes) -> None:
        self.published.append((topic, data))
        for peer in (self, *self._neighbours.values()):
            source = None if peer is self else self.peer_id
            peer._topics[topic].publish(GossipMessage(topic, data, source, source))

    async def request(
        self, peer_id: str, protocol: str, frame: bytes, *, timeout: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        peer = self._neighbours.get(peer_id)
        if peer is None or protocol not in peer._handlers:
            raise PeerUnreachable(f"no connection to {peer_id} for {protocol}")
        if peer.silent:
            raise RequestFailed(f"peer {peer_id} sent nothing for {timeout} s")
        async for answer in peer._handlers[protocol](frame, self.peer_id):
            yield answer

    def serve(self, protocol: str, handler: Handler, *, max_concurrent: int) -> None:
        self._handlers[protocol] = handler

    async def peers(self) -> tuple[str, ...]:
        return tuple(self._neighbours)

    def peer_events(self) -> Feed[PeerEvent]:
        return self._events.subscribe()

    async def info(self) -> NetworkInfo:
        return NetworkInfo((), len(self._neighbours), len(self._neighbours), 0)
