"""Events from one part of the node to any number of others, each reading at its own pace."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from nomos_node.network.feed import Feed

T = TypeVar("T")

_CAPACITY: Final = 4096
"""Events a reader may lag behind before it loses the newest."""


class Broadcast(Generic[T]):
    """Not thread-safe: published to and read in one event loop."""

    def __init__(self) -> None:
        self._feeds: list[Feed[T]] = []
        """In the order in which they subscribed."""

    def subscribe(self) -> Feed[T]:
        """The events from now on, until either side closes the feed."""
        feed: Feed[T] = Feed(_CAPACITY, on_close=self._feeds.remove)
        self._feeds.append(feed)
        return feed

    def publish(self, event: T) -> None:
        for feed in self._feeds:
            feed.offer(event)

    def close(self) -> None:
        for feed in tuple(self._feeds):
            feed.close()
