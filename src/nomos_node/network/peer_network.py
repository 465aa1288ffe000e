"""Interfaces of the network: the parts that the services of a node use. ``NetworkService`` is the real network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Protocol, Self

from nomos_node.network.events import GossipMessage, NetworkInfo, PeerEvent
from nomos_node.network.feed import Feed
from nomos_node.network.traffic import Traffic


class FrameStream(Protocol):
    """Stream of frames to one peer, in both directions. ``async with`` closes it, or resets it after an error."""

    @property
    def peer_id(self) -> str: ...

    async def read_frame(self, timeout: float | None = None) -> bytes | None:
        """Return the next frame, or None once the peer has ended its side.

        Raises:
            RequestFailed: nothing came within ``timeout`` seconds.
            StreamBroken: the stream was reset or its connection lost.
        """
        ...

    async def write_frame(self, payload: bytes) -> None:
        """Send a frame of at most 65,535 bytes. Waits while the peer does not keep up."""
        ...

    async def close(self) -> None:
        """End both sides. What was written still arrives."""
        ...

    async def reset(self) -> None:
        """Drop the stream at once: the peer sees it broken."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


class PeerNetwork(Protocol):
    """Part of the network that chain sync and gossip use."""

    async def subscribe(self, topic: str) -> Feed[GossipMessage]: ...

    async def publish(self, topic: str, data: bytes) -> None: ...

    def request(
        self, peer_id: str, protocol: str, frame: bytes, *, timeout: float | None = None
    ) -> AsyncGenerator[bytes, None]: ...

    def serve(
        self, protocol: str, handler: Callable[[bytes, str], AsyncIterator[bytes]], *, max_concurrent: int
    ) -> None: ...

    async def peers(self) -> tuple[str, ...]: ...

    def peer_events(self) -> Feed[PeerEvent]: ...


class Network(PeerNetwork, Protocol):
    """Whole network of one peer. ``async with`` starts and closes it. The methods are those of ``NetworkService``."""

    @property
    def peer_id(self) -> str: ...

    @property
    def traffic(self) -> Traffic: ...

    async def open_stream(self, peer_id: str, protocol: str) -> FrameStream: ...

    def serve_streams(
        self, protocol: str, handler: Callable[[FrameStream], Awaitable[None]], *, max_concurrent: int
    ) -> None: ...

    async def dial(self, address: str) -> str: ...

    async def disconnect(self, peer_id: str) -> None: ...

    async def info(self) -> NetworkInfo: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...
