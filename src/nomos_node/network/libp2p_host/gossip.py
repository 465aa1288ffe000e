"""Gossipsub as the network speaks it: the id of a message is the Blake2b-256 of its data; messages are neither signed
nor validated.

This is gossipsub 1.1 of py-libp2p. Parts that lose or delay messages are replaced. Its outgoing queues and its
subscriptions have room for 32 messages and drop the rest. Its "spam", "equivocation" and scoring rules drop honest
messages, because a node that restarts reuses sequence numbers. Its message cache uses other ids than other nodes. And
it runs a thread to clean its cache of seen messages.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import IHost, INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.exceptions import StreamFailure
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.mcache import CacheEntry, MessageCache
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub

from nomos_node.network.errors import MessageTooLarge
from nomos_node.network.framing import VarintFrameDecoder
from nomos_node.network.settings import GossipsubSettings

_PROTOCOLS = (TProtocol("/meshsub/1.1.0"), TProtocol("/meshsub/1.0.0"))
_QUEUED_RPCS_PER_PEER = 5_000
_RPC_OVERHEAD = 16_384
"""Bytes of an RPC beside its message: subscriptions and control messages."""

Deliver = Callable[[str, bytes, ID, ID], None]
"""Called with topic, data, author and forwarder for every new message of a subscribed topic."""


def message_id(message: rpc_pb2.Message) -> bytes:
    """Return the Blake2b-256 of the data."""
    return hashlib.blake2b(message.data, digest_size=32).digest()


class SeenMessages:
    """Ids of the messages of the last ``duplicate_cache_time`` seconds, oldest first."""

    def __init__(self, time_to_live: float) -> None:
        self._time_to_live = time_to_live
        self._expiry: dict[bytes, float] = {}

    def has(self, key: bytes) -> bool:
        self._forget_expired()
        return key in self._expiry

    def add(self, key: bytes) -> bool:
        """Remember an id. Return False when it was known."""
        self._forget_expired()
        if key in self._expiry:
            return False
        self._expiry[key] = time.monotonic() + self._time_to_live
        return True

    def _forget_expired(self) -> None:
        now = time.monotonic()
        while self._expiry and next(iter(self._expiry.values())) <= now:
            del self._expiry[next(iter(self._expiry))]


class ContentCache(MessageCache):
    """Cache of recent messages under the ids that peers ask for."""

    def put(self, msg: rpc_pb2.Message) -> None:
        key = message_id(msg)
        if key not in self.msgs:
            self.msgs[key] = msg
            self.history[0].append(CacheEntry(key, msg.topicIDs))


class Router(GossipSub):
    """Mesh: decides to which peers a message is sent."""

    def __init__(self, settings: GossipsubSettings) -> None:
        super().__init__(
            protocols=_PROTOCOLS,
            degree=settings.mesh_n,
            degree_low=settings.mesh_n_low,
            degree_high=settings.mesh_n_high,
            time_to_live=int(settings.fanout_ttl),
            heartbeat_interval=settings.heartbeat_interval,  # type: ignore[arg-type]  # seconds for trio.sleep
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
        )
        self.scorer = None
        self.mcache = ContentCache(settings.history_gossip, settings.history_length)

    async def publish(self, msg_forwarder: ID, pubsub_msg: rpc_pb2.Message) -> None:
        """Forward a received message to the mesh."""
        self.mcache.put(pubsub_msg)
        excluded = {msg_forwarder, ID(pubsub_msg.from_id)}
        meshes = (self.mesh.get(topic, set()) for topic in pubsub_msg.topicIDs)
        self._send(set().union(*meshes) - excluded, pubsub_msg)

    def flood(self, message: rpc_pb2.Message) -> int:
        """Send an own message to every subscribed peer, as flood publishing of gossipsub does. Return the number of
        peers.
        """
        queues = self._gossip().peer_queues
        subscribed = (self._gossip().peer_topics.get(topic, set()) for topic in message.topicIDs)
        recipients = set().union(*subscribed) & queues.keys()
        if recipients:
            self.mcache.put(message)
            self._send(recipients, message)
        return len(recipients)

    async def send_recent_messages(self, peer_id: ID, topic: str) -> None:
        # The library bypasses the peer's queue here and writes into the middle of another message.
        for key in self.mcache.window(topic):
            if message := self.mcache.get(key):
                self._send((peer_id,), message)

    def _gossip(self) -> Pubsub:
        assert self.pubsub is not None
        return self.pubsub

    def _send(self, peers: Iterable[ID], message: rpc_pb2.Message) -> None:
        rpc = rpc_pb2.RPC(publish=[message])
        for peer in sorted(peers, key=ID.to_bytes):
            if (queue := self._gossip().peer_queues.get(peer)) is not None:
                queue.push(rpc)


class Gossip(Pubsub):
    """Reads the messages of peers, gives new ones to ``deliver``, and forwards them."""

    router: Router

    def __init__(self, host: IHost, router: Router, settings: GossipsubSettings, deliver: Deliver) -> None:
        super().__init__(
            host,
            router,
            strict_signing=False,
            msg_id_constructor=message_id,
            max_inbound_rpc_size=settings.max_transmit_size + _RPC_OVERHEAD,
        )
        self.seen_messages.stop()  # the cache of the library has a thread
        self.seen_messages = SeenMessages(settings.duplicate_cache_time)  # type: ignore[assignment]
        self._max_transmit_size = settings.max_transmit_size
        self._deliver = deliver

    def publish_own(self, topic: str, data: bytes) -> int | None:
        """Send a message. Return the number of peers, or None when the message was sent before.

        Raises:
            MessageTooLarge: no peer would take it.
        """
        message = rpc_pb2.Message(
            data=data, topicIDs=[topic], from_id=self.my_id.to_bytes(), seqno=secrets.token_bytes(8)
        )
        if message.ByteSize() > self._max_transmit_size:
            raise MessageTooLarge(
                f"a message of {len(data)} bytes for topic {topic!r} is {message.ByteSize()} bytes encoded; "
                f"peers take at most {self._max_transmit_size}"
            )
        key = message_id(message)
        if self.seen_messages.has(key):
            return None
        reached = self.router.flood(message)
        if reached:
            self.seen_messages.add(key)
        return reached

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        author = ID(msg.from_id)
        if author == self.my_id or not self.seen_messages.add(message_id(msg)):
            return
        for topic in msg.topicIDs:
            if topic in self.topic_ids:
                self._deliver(topic, msg.data, author, msg_forwarder)
        await self.router.publish(msg_forwarder, msg)

    async def continuously_read_stream(self, stream: INetStream) -> None:
        # The library starts a task for each message, and an error in one of them ends gossip.
        peer_id = stream.muxed_conn.peer_id
        decoder = VarintFrameDecoder(self.max_inbound_rpc_size)
        try:
            while True:
                decoder.feed(await stream.read())
                while (frame := decoder.next_frame()) is not None:
                    await self._handle_rpc(peer_id, rpc_pb2.RPC.FromString(frame))
        except (BaseLibp2pError, DecodeError, ValueError):
            await stream.reset()

    async def _handle_rpc(self, peer_id: ID, rpc: rpc_pb2.RPC) -> None:
        for subscription in rpc.subscriptions[: self.max_subscriptions_per_rpc]:
            self.handle_subscription(peer_id, subscription)
        for message in rpc.publish:
            if self._is_subscribed_to_msg(message):
                await self.push_msg(peer_id, message)
        if rpc.HasField("control"):
            rpc.ClearField("senderRecord")  # the addresses of peers come from the configuration
            await self.router.handle_rpc(rpc, peer_id)
        await trio.lowlevel.checkpoint()

    def get_hello_packet(self) -> rpc_pb2.RPC:
        hello = super().get_hello_packet()
        hello.ClearField("senderRecord")
        return hello

    def renew_stream(self, peer_id: ID) -> None:
        """Open a new gossip stream to a peer whose stream went down with one of several connections."""
        stream = self.peers.get(peer_id)
        if stream is None or not stream.muxed_conn.is_closed:
            return
        topics = [topic for topic, peers in self.peer_topics.items() if peer_id in peers]
        self._handle_dead_peer(peer_id)
        for topic in topics:  # the peer told this on another connection and does not repeat it
            self.handle_subscription(peer_id, rpc_pb2.RPC.SubOpts(subscribe=True, topicid=topic))

    async def _handle_new_peer(self, peer_id: ID) -> None:
        try:
            await super()._handle_new_peer(peer_id)
        except StreamFailure as error:
            raise SwarmException(str(error)) from error  # the library tries again after this error
        if (queue := self.peer_queues.get(peer_id)) is not None:
            queue._queue.max_size = _QUEUED_RPCS_PER_PEER
