"""The chain: what is added and what is refused, forks, the LIB and its announcements."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nomos_core.cryptarchia.fork_choice import Mode, UnknownParentError
from nomos_core.identifiers import Ed25519Signature, HeaderId
from nomos_node.chain.chain import BlockRejected, Chain, LibUpdate
from support.inputs.chain_making import GENESIS_ID, TestNode, extend, forge, grow, transfer


@pytest.fixture
def node() -> Iterator[TestNode]:
    node = TestNode()
    yield node
    node.close()


@pytest.fixture
def chain(node: TestNode) -> Chain:
    return node.chain


def test_a_new_chain_is_genesis_alone(chain: Chain) -> None:
    info = chain.info()
    assert (info.tip, info.lib, info.slot, info.height, info.mode) == (GENESIS_ID, GENESIS_ID, 0, 0, Mode.BOOTSTRAPPING)
    assert chain.headers() == [GENESIS_ID]


async def test_a_block_on_the_tip_becomes_the_tip_and_is_announced(chain: Chain) -> None:
    announced = chain.new_blocks.subscribe()
    block = forge(chain, 5)
    assert await chain.add_block(block)
    assert (chain.info().tip, chain.info().slot, chain.info().height) == (block.id, 5, 1)
    assert await anext(announced) == block
    assert not await chain.add_block(block), "a known block is no news"


async def test_a_block_without_its_parent_is_an_orphan(chain: Chain) -> None:
    first = forge(chain, 1)
    await chain.add_block(first)
    orphan = forge(chain, 2)
    other = TestNode()
    with pytest.raises(UnknownParentError):
        await other.chain.add_block(orphan)
    other.close()


async def test_a_block_with_a_damaged_signature_is_rejected(chain: Chain) -> None:
    block = forge(chain, 1)
    with pytest.raises(BlockRejected, match="Signature error"):
        await chain.add_block(replace(block, signature=Ed25519Signature(bytes(64))))
    assert chain.info().height == 0


async def test_a_block_with_other_transactions_than_its_header_says_is_rejected(chain: Chain) -> None:
    block = forge(chain, 1)
    with pytest.raises(BlockRejected, match="Block root mismatch"):
        await chain.add_block(replace(block, transactions=(transfer(0),)))


async def test_one_bad_transaction_refuses_the_whole_block(chain: Chain) -> None:
    good, unbalanced, double = transfer(0), transfer(1, value=99), transfer(0, to=98)
    for bad in ([unbalanced], [good, unbalanced], [good, double]):
        with pytest.raises(BlockRejected):
            await chain.add_block(forge(chain, 1, bad))
    assert await chain.add_block(forge(chain, 1, [good]))


async def test_a_slot_that_is_not_after_the_parents_is_rejected(chain: Chain) -> None:
    late = forge(chain, 7)
    await chain.add_block(forge(chain, 7, [transfer(0)]))
    misplaced = replace(late, header=replace(late.header, parent=chain.tip.id))
    with pytest.raises(BlockRejected):
        await chain.add_block(misplaced)


async def test_the_longer_fork_wins_whenever_it_comes(chain: Chain) -> None:
    short = forge(chain, 1)
    long = [forge(chain, 2, parent=GENESIS_ID)]
    await chain.add_block(short)
    await chain.add_block(long[0])
    assert chain.info().tip == short.id, "of two equal forks the first stays"
    await chain.add_block(forge(chain, 3, parent=long[0].id))
    assert chain.headers()[1:] == [long[0].id, GENESIS_ID]


async def test_blocks_that_come_at_the_same_time_are_all_added(chain: Chain) -> None:
    blocks = [forge(chain, slot, parent=GENESIS_ID) for slot in range(1, 9)]
    assert await asyncio.gather(*(chain.add_block(block) for block in blocks)) == [True] * 8
    assert all(block.id in chain for block in blocks)


async def test_the_lib_stays_while_bootstrapping(chain: Chain) -> None:
    await grow(chain, range(1, 8))
    assert chain.info().lib == GENESIS_ID


async def test_going_online_moves_the_lib_without_an_announcement(chain: Chain) -> None:
    blocks = await grow(chain, range(1, 8))
    updates = chain.lib_updates.subscribe()
    await chain.go_online()
    assert (chain.info().lib, chain.info().mode) == (blocks[3].id, Mode.ONLINE)
    later = await grow(chain, [8])
    assert await anext(updates) == LibUpdate(5, blocks[4].id)
    assert chain.headers()[0] == later[0].id
    assert chain.headers()[-1] == blocks[4].id, "headers end at the LIB"


async def test_what_lies_behind_the_lib_is_dropped_but_on_disk(node: TestNode) -> None:
    chain = node.chain
    stale = forge(chain, 1)
    await chain.add_block(stale)
    blocks = await extend(chain, GENESIS_ID, range(2, 10))
    await chain.go_online()
    assert stale.id not in chain
    assert await node.store.block(stale.id) is None, "a stale fork leaves the disk as well"
    assert chain.state(blocks[0].id) is None
    assert await node.store.block(blocks[0].id) is not None
    assert await node.store.immutable_ids(0, 100, 10) == [GENESIS_ID, *(block.id for block in blocks[:4])]


async def test_headers_between_two_blocks_and_from_unknown_ones(chain: Chain) -> None:
    blocks = await grow(chain, range(1, 6))
    ids = [block.id for block in blocks]
    assert chain.headers(ids[3], ids[1]) == [ids[3], ids[2], ids[1]]
    assert chain.headers(HeaderId(bytes(32))) == []


async def test_no_epoch_state_beyond_the_next_epoch(chain: Chain) -> None:
    length = chain.rules.config.schedule.epoch_length
    epochs = [state and state.epoch for state in map(chain.epoch_state, (0, length, 2 * length))]
    assert epochs == [0, 1, None]
