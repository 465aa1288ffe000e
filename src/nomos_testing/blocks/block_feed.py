"""The block feed of a run: every block of any node, once each, parents first, with the first node and time.

Each node is followed in its own task, so that a node that does not answer delays no other. A poll asks for the tip. If
it is new, the feed walks back over ``POST /storage/block`` to a known block. All events stay in memory. A subscriber is
a position in this list, so that a late one gets the history and a slow one loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.chain_history import (
    BlockRecord,
    ChainHistory,
    ChainMismatch,
    FeedEvent,
    NewBlock,
    NewTip,
    Reorganisation,
)
from nomos_testing.client.answers import ConsensusInfo
from nomos_testing.client.errors import NodeClientError
from nomos_testing.failure import Failure, raise_all
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import narrated

SHORTEST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 1.0
POLLS_PER_SLOT = 8
REQUEST_SECONDS = 5.0
"""Seconds that a node may take to answer one request of the feed, on the reference machine."""

_log = logging.getLogger(__name__)

__all__ = [
    "BlockFeed",
    "BlockFeedError",
    "BlockRecord",
    "FeedEvent",
    "NewBlock",
    "NewTip",
    "NodeView",
    "Reorganisation",
]


class BlockSource(Protocol):
    """The part of a node's client that the feed uses."""

    name: str

    async def consensus_info(self, *, timeout: float | None = None) -> ConsensusInfo: ...
    async def storage_block(self, block_id: HeaderId, *, timeout: float | None = None) -> Block | None: ...


class BlockFeedError(Failure):
    """The feed could not start."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """The last answer of a node to the feed."""

    info: ConsensusInfo | None = None
    """Its last answer."""
    answered_at: float | None = None
    """When it answered last, in seconds of the event loop's clock."""
    error: str | None = None
    """Error of the last poll; None if it went well."""


def poll_interval(slot_seconds: float | None) -> float:
    """Return the seconds between two polls: an eighth of a slot, from 50 ms to 1 s; 1 s if the slot is unknown."""
    wanted = LONGEST_POLL_SECONDS if slot_seconds is None else slot_seconds / POLLS_PER_SLOT
    return min(max(wanted, SHORTEST_POLL_SECONDS), LONGEST_POLL_SECONDS)


class BlockFeed:
    """Every block that any node shows, once each. Start it, subscribe as often as needed, close it."""

    def __init__(
        self,
        sources: Sequence[BlockSource],
        *,
        poll_seconds: float = LONGEST_POLL_SECONDS,
        request_seconds: float = REQUEST_SECONDS,
        watch: Callable[[asyncio.Task[None]], None] | None = None,
    ) -> None:
        """
        Args:
            sources: the nodes' clients.
            poll_seconds: seconds between two looks at a node.
            request_seconds: seconds that a node may take to answer one request.
            watch: called with each task that follows a node. A task fails only by a defect of the feed or of a
                listener. Without ``watch``, ``close`` raises the error.
        """
        self._sources = tuple(sources)
        self._poll_seconds = poll_seconds
        self._request_seconds = request_seconds
        self._watch = watch
        self._history = ChainHistory()
        self._events: list[FeedEvent] = []
        self._more = asyncio.Event()
        self._listeners: list[Callable[[FeedEvent], None]] = []
        self._views = {source.name: NodeView() for source in self._sources}
        self._tasks: list[asyncio.Task[None]] = []
        self._started = monotonic()
        self._closed = False

    async def start(self) -> None:
        """Catch up with every node once, then follow them all.

        Raises:
            BlockFeedError: not one node could be followed.
        """
        if not self._sources:
            raise BlockFeedError("block feed requires at least one node client")
        self._started = monotonic()
        async with narrated("the nodes' chains", self._silent_nodes):
            await asyncio.gather(*map(self._poll, self._sources))
        if all(view.error for view in self._views.values()):
            reasons = "; ".join(f"{node}: {view.error}" for node, view in self._views.items())
            raise BlockFeedError(f"failed to start block feed: {reasons}")
        for source in self._sources:
            self._start_following(source)

    def add(self, source: BlockSource) -> None:
        """Follow one more node, from now on."""
        self._sources = (*self._sources, source)
        self._views[source.name] = NodeView()
        self._start_following(source)

    async def close(self) -> None:
        """Stop following. Subscribers get the remaining events and end."""
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._closed = True
        self._more.set()
        if self._watch is None:
            errors = (outcome for outcome in outcomes if not isinstance(outcome, asyncio.CancelledError))
            raise_all("the block feed failed", errors)

    async def subscribe(self, *, past: bool = True) -> AsyncIterator[FeedEvent]:
        """Give every event since the start of the feed, then new ones, until the feed is closed.

        Without ``past`` it begins with the first event after the iteration has started.
        """
        position = 0 if past else len(self._events)
        while True:
            while position < len(self._events):
                yield self._events[position]
                position += 1
            if self._closed:
                return
            await self._more.wait()

    async def blocks(self) -> AsyncIterator[BlockRecord]:
        """Give every block since genesis, then new ones, until the feed is closed."""
        async for event in self.subscribe():
            if isinstance(event, NewBlock):
                yield event.record

    def listen(self, listener: Callable[[FeedEvent], None]) -> None:
        """Call ``listener`` at once with each event, in order. Begins with those of the past."""
        for event in self._events:
            listener(event)
        self._listeners.append(listener)

    @property
    def history(self) -> ChainHistory:
        """Blocks by id, and the tip of each node."""
        return self._history

    def records(self) -> Sequence[BlockRecord]:
        """Return every block seen so far, also those of abandoned branches, parents first."""
        return tuple(self._history.records)

    def canonical_chain(self) -> Sequence[BlockRecord]:
        """Return the chain of the highest tip of any node, oldest first, without genesis."""
        tip = self._history.canonical_tip()
        return () if tip is None else self._history.chain(tip)

    def canonical_blocks_backwards(self) -> Iterator[BlockRecord]:
        """Iterate over the blocks of ``canonical_chain``, newest first, for code that needs only the last ones."""
        tip = self._history.canonical_tip()
        return iter(()) if tip is None else self._history.backwards(tip)

    def chain_of(self, node: str) -> Sequence[BlockRecord]:
        """Return the chain of one node as last seen, oldest first, without genesis."""
        tip = self._history.tips.get(node)
        return () if tip is None else self._history.chain(tip)

    def nodes(self) -> Mapping[str, NodeView]:
        """Return what is known of each node, by name."""
        return dict(self._views)

    def seconds_since_last_block(self) -> float:
        """Return the seconds since a new block was seen, or since the start of the feed."""
        records = self._history.records
        return monotonic() - (records[-1].first_seen if records else self._started)

    def _silent_nodes(self) -> str:
        silent = [node for node, view in self._views.items() if view.info is None]
        return f"no answer yet from {', '.join(silent)}" if silent else "every node has answered"

    def _start_following(self, source: BlockSource) -> None:
        task = asyncio.create_task(self._follow(source), name=f"block feed of {source.name}")
        self._tasks.append(task)
        if self._watch is not None:
            self._watch(task)

    async def _follow(self, source: BlockSource) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._poll(source)

    async def _poll(self, source: BlockSource) -> None:
        view = self._views[source.name]
        try:
            info = await source.consensus_info(timeout=self._request_seconds)
            self._views[source.name] = NodeView(info, monotonic())
            await self._catch_up(source, info)
            if view.error is not None:
                _log.debug("%s answers again; its last error: %s", source.name, view.error)
        except (NodeClientError, BlockFeedError, ChainMismatch) as error:
            if view.error is None:
                _log.info("block feed catch up failed: %s", error)
            elif view.error != str(error):
                _log.debug("block feed catch up fails in another way: %s", error)
            last = self._views[source.name]
            self._views[source.name] = NodeView(last.info, last.answered_at, str(error))

    async def _catch_up(self, source: BlockSource, info: ConsensusInfo) -> None:
        if self._history.tips.get(source.name) == info.tip:
            return
        blocks = await self._unknown_blocks(source, info)
        # No await from here on: two nodes that show the same block at once record it once.
        _log.debug(
            "%s has the tip %s: slot %d, height %d, blocks fetched: %d",
            *(source.name, info.tip.hex(), info.slot, info.height, len(blocks)),
        )
        now = monotonic()
        self._publish(self._history.add(source.name, blocks, now))
        self._publish(self._history.move(source.name, info.tip, now))

    async def _unknown_blocks(self, source: BlockSource, info: ConsensusInfo) -> list[tuple[HeaderId, Block]]:
        """Walk from the tip back to a known block, or to genesis, which no node stores. Gives the oldest first."""
        if info.height == 0 and self._history.genesis is None:
            self._history.set_genesis(info.tip)
        cursor, remaining, found = info.tip, info.height, list[tuple[HeaderId, Block]]()
        while cursor not in self._history:
            block = await source.storage_block(cursor, timeout=self._request_seconds)
            if block is None:
                if remaining > 0:
                    raise BlockFeedError(f"missing block while catching up: {cursor.hex()} of {source.name}")
                self._history.set_genesis(cursor)
                break
            found.append((cursor, block))
            cursor, remaining = block.header.parent, remaining - 1
        return found[::-1]

    def _publish(self, events: Sequence[FeedEvent]) -> None:
        if not events:
            return
        self._events.extend(events)
        woken, self._more = self._more, asyncio.Event()
        woken.set()
        for event in events:
            for listener in self._listeners:
                listener(event)
