"""The block feed over sources that fork, fall silent and lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.block_feed import (
    BlockFeed,
    BlockFeedError,
    FeedEvent,
    NewBlock,
    Reorganisation,
    poll_interval,
)
from nomos_testing.client.answers import ConsensusInfo, Mode
from nomos_testing.client.errors import NodeUnreachable
from support.fakes.fake_chain import GENESIS_ID, fake_chain

POLL = 0.001


class ChainSource:
    """A node whose chain the test sets."""

    def __init__(self, name: str, chain: list[Block] | None = None) -> None:
        self.name = name
        self.blocks: dict[HeaderId, Block] = {}
        self.chain: list[Block] = []
        self.follow(chain or [])
        self.fails = False
        self.hangs = False

    def follow(self, chain: list[Block]) -> None:
        self.chain = chain
        self.blocks |= {block.id: block for block in chain}

    async def consensus_info(self, *, timeout: float | None = None) -> ConsensusInfo:
        await self._misbehave("GET /cryptarchia/info")
        tip, slot = (self.chain[-1].id, self.chain[-1].header.slot) if self.chain else (GENESIS_ID, 0)
        return ConsensusInfo(lib=GENESIS_ID, tip=tip, slot=slot, height=len(self.chain), mode=Mode.ONLINE)

    async def storage_block(self, block_id: HeaderId, *, timeout: float | None = None) -> Block | None:
        await self._misbehave("POST /storage/block")
        return self.blocks.get(block_id)

    async def _misbehave(self, request: str) -> None:
        if self.fails:
            raise NodeUnreachable(self.name, request, "connection refused")
        if self.hangs:
            await asyncio.Event().wait()


@asynccontextmanager
async def feed_of(*sources: ChainSource) -> AsyncIterator[BlockFeed]:
    feed = BlockFeed(sources, poll_seconds=POLL)
    await feed.start()
    try:
        yield feed
    finally:
        await feed.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 (the condition is the feed's own, which gives no event)
                await asyncio.sleep(POLL)
    except TimeoutError:
        pytest.fail(f"waited 5 s for {what}")


async def test_what_is_there_at_the_start_comes_first_and_parents_come_first() -> None:
    chain = fake_chain(4)
    async with feed_of(ChainSource("a", chain[:2]), ChainSource("b", chain)) as feed:
        assert [record.id for record in feed.records()] == [block.id for block in chain]
        assert [record.height for record in feed.canonical_chain()] == [1, 2, 3, 4]
        assert len(feed.chain_of("a")) == 2


async def test_new_blocks_are_seen_once_with_the_node_that_showed_them() -> None:
    chain = fake_chain(3)
    first, second = ChainSource("a", chain[:1]), ChainSource("b", chain[:1])
    async with feed_of(first, second) as feed:
        second.follow(chain)
        await until(lambda: len(feed.records()) == 3, "two more blocks")
        first.follow(chain)
        await until(lambda: len(feed.chain_of("a")) == 3, "the other node")
        assert [record.first_node for record in feed.records()[1:]] == ["b", "b"]
        assert set(feed.records()[2].seen_by) == {"a", "b"}


async def test_late_and_slow_subscribers_get_every_event() -> None:
    chain = fake_chain(40)
    source = ChainSource("a")
    async with feed_of(source) as feed:
        slow: list[HeaderId] = []

        async def read_slowly() -> None:
            async for record in feed.blocks():
                slow.append(record.id)
                await asyncio.sleep(POLL / 4)

        reading = asyncio.create_task(read_slowly())
        for length in range(1, 41):
            source.follow(chain[:length])
            await until(lambda length=length: len(feed.records()) == length, "the next block")  # type: ignore[misc]
        late = asyncio.create_task(_all_blocks(feed))
        await until(lambda: len(slow) == 40, "the slow subscriber")
    assert await late == slow == [block.id for block in chain]
    await reading


async def _all_blocks(feed: BlockFeed) -> list[HeaderId]:
    return [record.id async for record in feed.blocks()]


async def test_who_does_not_ask_for_the_past_gets_what_comes_after() -> None:
    chain = fake_chain(3)
    source = ChainSource("a", chain[:2])
    async with feed_of(source) as feed:
        later = asyncio.create_task(anext(feed.subscribe(past=False)))
        await asyncio.sleep(0)  # the iteration has started
        source.follow(chain)
        async with asyncio.timeout(5):
            event = await later
        assert isinstance(event, NewBlock)
        assert event.record.id == chain[2].id
        assert [record.height for record in feed.canonical_blocks_backwards()] == [3, 2, 1]


async def test_a_reorganisation_is_an_event_with_both_branches() -> None:
    trunk = fake_chain(2)
    left = fake_chain(1, parent=trunk[-1].id, first_slot=3, branch=1)
    right = fake_chain(2, parent=trunk[-1].id, first_slot=3, branch=2)
    source = ChainSource("a", trunk + left)
    async with feed_of(source) as feed:
        source.follow(trunk + right)
        await until(lambda: len(feed.records()) == 5, "the other branch")
        events = [event async for event in _closing(feed) if isinstance(event, Reorganisation)]
        (event,) = events
        assert event.abandoned == (left[0].id,)
        assert event.adopted == tuple(block.id for block in right)
        assert event.common_ancestor == trunk[-1].id
        assert [record.id for record in feed.canonical_chain()] == [block.id for block in trunk + right]


async def _closing(feed: BlockFeed) -> AsyncIterator[FeedEvent]:
    await feed.close()
    async for event in feed.subscribe():
        yield event


async def test_a_listener_hears_the_past_at_once_and_then_everything() -> None:
    chain = fake_chain(3)
    source = ChainSource("a", chain[:2])
    async with feed_of(source) as feed:
        heard: list[HeaderId] = []
        feed.listen(lambda event: heard.append(event.record.id) if isinstance(event, NewBlock) else None)
        assert len(heard) == 2
        source.follow(chain)
        await until(lambda: len(heard) == 3, "the third block")


async def test_a_node_that_hangs_or_fails_holds_up_nobody() -> None:
    chain = fake_chain(2)
    healthy, failing, hanging = (ChainSource(name) for name in "abc")
    async with feed_of(healthy, failing, hanging) as feed:
        failing.fails = hanging.hangs = True
        healthy.follow(chain)
        await until(lambda: len(feed.records()) == 2, "the healthy node's blocks")
        await until(lambda: feed.nodes()["b"].error is not None, "the failing node's error")
        assert feed.nodes()["a"].error is None
        failing.fails = False
        await until(lambda: feed.nodes()["b"].error is None, "the node's recovery")


async def test_a_block_that_a_node_cannot_show_is_an_error_of_that_node_only() -> None:
    chain = fake_chain(3)
    source, other = ChainSource("a"), ChainSource("b")
    async with feed_of(source, other) as feed:
        source.follow(chain)
        del source.blocks[chain[1].id]
        await until(lambda: feed.nodes()["a"].error is not None, "the error")
        assert feed.nodes()["a"].error == f"missing block while catching up: {chain[1].id.hex()} of a"
        other.follow(chain)
        await until(lambda: len(feed.records()) == 3, "the blocks from the other node")


async def test_a_node_of_another_chain_is_reported() -> None:
    stranger = ChainSource("b", fake_chain(2, parent=HeaderId(bytes(32))))
    async with feed_of(ChainSource("a")) as feed:
        assert feed.nodes()["a"].error is None
    async with feed_of(ChainSource("a", fake_chain(1)), stranger) as feed:
        errors = [view.error for view in feed.nodes().values()]
        assert any(error is not None and "is not the network's" in error for error in errors)


async def test_a_feed_without_one_answering_node_does_not_start() -> None:
    source = ChainSource("a")
    source.fails = True
    with pytest.raises(BlockFeedError, match=r"failed to start block feed: a: .*connection refused"):
        await BlockFeed([source]).start()
    with pytest.raises(BlockFeedError, match="requires at least one node client"):
        await BlockFeed([]).start()


@pytest.mark.parametrize(("slot", "expected"), [(2.0, 0.25), (0.2, 0.05), (20.0, 1.0), (None, 1.0)])
def test_polling_is_fast_for_the_slot(slot: float | None, expected: float) -> None:
    assert poll_interval(slot) == expected


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_the_nodes_do_the_feed_ends_up_with_all_of_it(data: st.DataObject) -> None:
    trunk_length = data.draw(st.integers(0, 5))
    trunk = fake_chain(trunk_length)
    parent = trunk[-1].id if trunk else GENESIS_ID
    branches = [
        trunk + fake_chain(data.draw(st.integers(1, 6)), parent=parent, first_slot=trunk_length + 1, branch=branch)
        for branch in range(data.draw(st.integers(1, 3)))
    ]
    steps = data.draw(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(branches)), min_size=1, max_size=6))
    asyncio.run(_replay(steps))


async def _replay(steps: list[tuple[str, list[Block]]]) -> None:
    sources = {name: ChainSource(name) for name in "ab"}
    async with feed_of(*sources.values()) as feed:
        for name, chain in steps:
            sources[name].follow(chain)
            await until(lambda: feed.history.tips.get(name) == chain[-1].id, "the node's tip")  # noqa: B023
        shown = {block.id for _, chain in steps for block in chain}
        records = feed.records()
        assert {record.id for record in records} == shown
        assert len(records) == len(shown)
        known = {GENESIS_ID}
        for record in records:
            assert record.parent in known
            known.add(record.id)
