"""Surroundings for nodes that share one process, one virtual clock and one source of random numbers.

No thread, socket or file is used. What travels between nodes takes a while that is drawn by lot, and leaves a trace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, ParamSpec, Self, TypeVar

from starlette.types import ASGIApp, Message

from nomos_core.config import NodeConfig
from nomos_core.da.dispersal_messages import max_blob_bytes
from nomos_core.da.encoding import EncodedBlob, encode
from nomos_core.da.kzg_params import KzgParams
from nomos_core.keys import Ed25519Key, peer_id
from nomos_node.network.addresses import parse_endpoint
from nomos_node.network.errors import PeerUnreachable, RequestFailed, StreamBroken
from nomos_node.network.events import GossipMessage
from nomos_node.network.settings import NetworkSettings
from nomos_node.network.traffic import Traffic
from nomos_node.storage.database import Database
from nomos_node.surroundings import Surroundings
from support.fakes.memory_network import MemoryPeer

P = ParamSpec("P")
T = TypeVar("T")

StreamHandler = Callable[["MemoryStream"], Awaitable[None]]
_LEAST_SECONDS, _MOST_SECONDS = 0.001, 0.02
"""What a message takes from one node to another."""


@dataclass
class MemoryWorld:
    """The world of all nodes. ``chain_start`` is the wall clock, in Unix seconds, where the loop's time is 0."""

    seed: int
    chain_start: int
    trace: list[str] = field(default_factory=list)
    """A line for each message and each dial: when, who to whom, what about, and a digest of the bytes."""
    peers: dict[int, WorldPeer] = field(default_factory=dict)
    """The networks that run, by their UDP port."""
    http: dict[str, MemoryHttp] = field(default_factory=dict)
    """The HTTP APIs by the name of the node."""

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)

    def surroundings_of(self, node: str) -> Surroundings:
        def open_http(config: NodeConfig) -> MemoryHttp:
            return self.http.setdefault(node, MemoryHttp())

        def open_network(settings: NetworkSettings, log: logging.Logger) -> WorldPeer:
            return WorldPeer(self, settings)

        return Surroundings(
            open_network=open_network,
            open_database=lambda directory: Database.in_memory(),
            open_http=open_http,
            open_worker=lambda name, threads: InlineWorker(),
            start_encoder=InlineEncoder,
            now_ns=self.now_ns,
            rng=Random(f"{self.seed} {node}"),
            environ={},
        )

    def now_ns(self) -> int:
        return round((self.chain_start + asyncio.get_running_loop().time()) * 1e9)

    def note(self, sender: str, receiver: str, what: str) -> None:
        now = asyncio.get_running_loop().time()
        self.trace.append(f"{now:.6f} {sender[-6:]} > {receiver[-6:]} {what}")

    async def travel(self, sender: str, receiver: str, topic: str, data: bytes) -> None:
        """Note a message and wait until it is there."""
        self.note(sender, receiver, f"{topic} {len(data)} {blake2b(data, digest_size=6).hexdigest()}")
        await asyncio.sleep(self.rng.uniform(_LEAST_SECONDS, _MOST_SECONDS))


class InlineWorker:
    """A worker that calls at once, in the event loop."""

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    def close(self) -> None:
        """Nothing waits."""


@dataclass
class InlineEncoder:
    params: Path
    columns: int

    async def encode(self, data: bytes) -> EncodedBlob:
        return encode(data, KzgParams.load(self.params).basis(self.columns), max_blob_bytes(self.columns))

    async def close(self) -> None:
        """Nothing is open."""


class MemoryHttp:
    """HTTP listeners that are called in memory."""

    def __init__(self) -> None:
        self._api: ASGIApp | None = None

    def offer(self, api: ASGIApp, testing: ASGIApp) -> None:
        self._api = api

    async def run(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        self._api = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request to the API and return the status and the body of the answer."""
        assert self._api is not None, "the node does not answer yet"
        status: list[int] = []
        answer = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
            answer.extend(message.get("body", b""))

        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        await self._api(scope, receive, send)
        return status[0], bytes(answer)


class WorldPeer(MemoryPeer):
    """The network of one node in a world."""

    def __init__(self, world: MemoryWorld, settings: NetworkSettings) -> None:
        super().__init__(peer_id(Ed25519Key(settings.node_key).public))
        self.traffic = Traffic()
        self._world = world
        self._settings = settings
        self._stream_handlers: dict[str, StreamHandler] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def __aenter__(self) -> Self:
        """Begin to listen, and dial the peers of the configuration that listen already."""
        self._world.peers[self._settings.listen_port] = self
        for address in self._settings.initial_peers:
            if parse_endpoint(address).port in self._world.peers:
                await self.dial(address)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        del self._world.peers[self._settings.listen_port]
        for other in list(self._neighbours.values()):
            self.disconnect_from(other)
        for task in list(self._tasks):
            task.cancel()

    async def publish(self, topic: str, data: bytes) -> None:
        self._topics[topic].publish(GossipMessage(topic, data, None, None))
        for other in list(self._neighbours.values()):
            self._spawn(self._send(other, topic, data))

    async def _send(self, other: MemoryPeer, topic: str, data: bytes) -> None:
        await self._world.travel(self.peer_id, other.peer_id, topic, data)
        other._topics[topic].publish(GossipMessage(topic, data, self.peer_id, self.peer_id))

    async def request(self, peer_id: str, protocol: str, frame: bytes, *, timeout: float | None = None) -> Any:
        await self._world.travel(self.peer_id, peer_id, protocol, frame)
        async for answer in super().request(peer_id, protocol, frame, timeout=timeout):
            await self._world.travel(peer_id, self.peer_id, protocol, answer)
            yield answer

    async def open_stream(self, peer_id: str, protocol: str) -> MemoryStream:
        other = self._neighbours.get(peer_id)
        if not isinstance(other, WorldPeer) or protocol not in other._stream_handlers:
            raise PeerUnreachable(f"no connection to {peer_id} for {protocol}")
        ours, theirs = MemoryStream.pair(self._world, self.peer_id, peer_id, protocol)
        other._spawn(other._serve(other._stream_handlers[protocol], theirs))
        return ours

    async def _serve(self, handler: StreamHandler, stream: MemoryStream) -> None:
        async with stream:
            await handler(stream)

    def serve_streams(self, protocol: str, handler: StreamHandler, *, max_concurrent: int) -> None:
        self._stream_handlers[protocol] = handler

    async def dial(self, address: str) -> str:
        endpoint = parse_endpoint(address)
        other = self._world.peers.get(endpoint.port)
        if other is None:
            raise PeerUnreachable(f"nobody listens at {endpoint}")
        self._world.note(self.peer_id, other.peer_id, "dial")
        if other.peer_id not in self._neighbours:
            self.connect(other)
        return other.peer_id

    async def disconnect(self, peer_id: str) -> None:  # type: ignore[override]
        if (other := self._neighbours.get(peer_id)) is not None:
            self.disconnect_from(other)

    def disconnect_from(self, other: MemoryPeer) -> None:
        super().disconnect(other)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)


class MemoryStream:
    """One end of a stream between two nodes."""

    def __init__(self, world: MemoryWorld, own: str, peer: str, protocol: str) -> None:
        self.peer_id = peer
        self.protocol = protocol
        self._own = own
        self._world = world
        self._arrived: asyncio.Queue[bytes | StreamBroken | None] = asyncio.Queue()
        self._other: MemoryStream | None = None

    @classmethod
    def pair(cls, world: MemoryWorld, one: str, two: str, protocol: str) -> tuple[Self, Self]:
        ours, theirs = cls(world, one, two, protocol), cls(world, two, one, protocol)
        ours._other, theirs._other = theirs, ours
        return ours, theirs

    async def read_frame(self, timeout: float | None = None) -> bytes | None:
        try:
            async with asyncio.timeout(timeout):
                arrived = await self._arrived.get()
        except TimeoutError:
            raise RequestFailed(f"peer {self.peer_id} sent nothing for {timeout} s") from None
        if not isinstance(arrived, bytes):
            self._arrived.put_nowait(arrived)  # so it stays ended
        if isinstance(arrived, StreamBroken):
            raise arrived
        return arrived

    async def write_frame(self, payload: bytes) -> None:
        await self._world.travel(self._own, self.peer_id, self.protocol, payload)
        self._tell(payload)

    async def close(self) -> None:
        self._tell(None)

    async def reset(self) -> None:
        self._tell(StreamBroken("the peer reset the stream"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await (self.close() if kind is None else self.reset())

    def _tell(self, event: bytes | StreamBroken | None) -> None:
        assert self._other is not None
        self._other._arrived.put_nowait(event)
