"""Feed: a bounded queue of events, read with ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_CLOSED = object()


class Feed(AsyncIterator[T], Generic[T]):
    """Queue of events in their order, for one reader.

    Events are kept from the creation of the feed until they are read. When ``capacity`` events wait, later ones are
    dropped and counted. The iteration ends when the feed is closed and empty. Not thread-safe: use it in the event loop
    that created it.
    """

    def __init__(self, capacity: int, on_close: Callable[[Feed[T]], None] | None = None) -> None:
        self._queue: asyncio.Queue[T | object] = asyncio.Queue()
        self._capacity = capacity
        self._on_close = on_close
        self._closed = False
        self.dropped = 0
        """Number of events that were dropped because the feed was full."""

    def offer(self, event: T) -> bool:
        """Add an event. Return False when the feed is closed or full."""
        if self._closed:
            return False
        if self._queue.qsize() >= self._capacity:
            self.dropped += 1
            return False
        self._queue.put_nowait(event)
        return True

    def close(self) -> None:
        """End the feed. Events from before can still be read."""
        if self._closed:
            return
        self._closed = True
        self._queue.put_nowait(_CLOSED)
        if self._on_close is not None:
            self._on_close(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        event = await self._queue.get()
        if event is _CLOSED:
            self._queue.put_nowait(_CLOSED)
            raise StopAsyncIteration
        return event  # type: ignore[return-value]  # everything but the marker is a T

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()
