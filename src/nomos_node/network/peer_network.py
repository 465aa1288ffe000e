"""The part of the network that chain sync and gossip use, as an interface: the real one is ``NetworkService``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from nomos_node.network.events import GossipMessage, PeerEvent
from nomos_node.network.feed import Feed


class PeerNetwork(Protocol):
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
