"""Broadcast of events from one part of the node to any number of readers. Each reads at its own pace."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from nomos_node.network.feed import Feed

T = TypeVar("T")

_CAPACITY: Final = 4096
"""Most events that wait for a slow reader. It loses later ones."""


class Broadcast(Generic[T]):
    """Broadcast in one event loop. Not thread-safe."""

    def __init__(self) -> None:
        self._feeds: list[Feed[T]] = []
        """Feeds in the order in which they subscribed."""

    def subscribe(self) -> Feed[T]:
        """Return a feed of the events from now on, until either side closes it."""
        feed: Feed[T] = Feed(_CAPACITY, on_close=self._feeds.remove)
        self._feeds.append(feed)
        return feed

    def publish(self, event: T) -> None:
        for feed in self._feeds:
            feed.offer(event)

    def close(self) -> None:
        for feed in tuple(self._feeds):
            feed.close()
