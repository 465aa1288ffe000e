"""The mempool: what is new, in which order, what becomes of it, and what a restart finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nomos_core.codec import WIRE_LIMIT
from nomos_core.identifiers import HeaderId
from nomos_core.mantle.transactions_binary import transaction_to_wire
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import PENDING, UNKNOWN, AlreadyInMempool, InBlock, Mempool, TransactionTooLarge
from nomos_node.storage.database import Database
from nomos_node.storage.transaction_store import TransactionStore
from support.fakes.memory_network import MemoryPeer
from support.inputs.chain_making import inscription, transfer

_BLOCK = HeaderId(bytes(31) + b"\x01")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path)
    yield database
    database.close()


@pytest.fixture
def mempool(database: Database) -> Mempool:
    return Mempool(TransactionStore(database), now_ms=lambda: 1234)


async def test_a_new_transaction_is_pending_and_announced(mempool: Mempool) -> None:
    announced = mempool.new_transactions.subscribe()
    assert (mempool.pending_count, mempool.last_added_ms) == (0, 0)
    transaction = transfer(0)
    await mempool.add(transaction)
    assert mempool.statuses([transaction.hash, transfer(1).hash]) == [PENDING, UNKNOWN]
    assert (mempool.pending_count, mempool.last_added_ms) == (1, 1234)
    assert (await anext(announced)).transaction == transaction


async def test_a_known_transaction_is_refused_pending_or_in_a_block(mempool: Mempool) -> None:
    transaction = transfer(0)
    await mempool.add(transaction)
    with pytest.raises(AlreadyInMempool, match=r"^Item already in mempool$"):
        await mempool.add(transaction)
    await mempool.mark_in_block([transaction], _BLOCK)
    with pytest.raises(AlreadyInMempool):
        await mempool.add(transaction)


async def test_pending_transactions_come_in_the_order_of_their_hashes(mempool: Mempool) -> None:
    for index in range(8):
        await mempool.add(transfer(index))
    hashes = [pending.transaction.hash for pending in mempool.pending()]
    assert hashes == sorted(hashes)
    assert len(hashes) == 8


async def test_the_transactions_of_a_block_are_known_pending_before_or_not(mempool: Mempool) -> None:
    one, two, three = transfer(0), transfer(1), transfer(2)
    await mempool.add(one)
    await mempool.mark_in_block([one, two], _BLOCK)
    assert mempool.statuses([one.hash, two.hash, three.hash]) == [InBlock(_BLOCK), InBlock(_BLOCK), UNKNOWN]
    assert mempool.pending_count == 0
    with pytest.raises(AlreadyInMempool):
        await mempool.add(two)
    assert await mempool.find([two.hash]) == [two]


async def test_transactions_are_found_pending_and_in_blocks_but_not_once_removed(mempool: Mempool) -> None:
    one, two, three = transfer(0), transfer(1), transfer(2)
    for transaction in (one, two, three):
        await mempool.add(transaction)
    await mempool.mark_in_block([two], _BLOCK)
    await mempool.remove([three.hash])
    assert await mempool.find([one.hash, two.hash, three.hash]) == [one, two, None]
    assert mempool.statuses([three.hash]) == [UNKNOWN]
    await mempool.add(three)


async def test_a_transaction_that_no_message_can_carry_is_refused(mempool: Mempool) -> None:
    with pytest.raises(TransactionTooLarge, match=str(WIRE_LIMIT)):
        await mempool.add(inscription(bytes(WIRE_LIMIT)))
    assert mempool.pending_count == 0


async def test_a_restart_finds_what_was_there(mempool: Mempool, database: Database) -> None:
    one, two, three = transfer(0), transfer(1), transfer(2)
    for transaction in (one, two, three):
        await mempool.add(transaction)
    await mempool.mark_in_block([two], _BLOCK)
    await mempool.remove([three.hash])
    again = Mempool(TransactionStore(database), now_ms=lambda: 5678)
    again.recover()
    assert again.statuses([one.hash, two.hash, three.hash]) == [PENDING, InBlock(_BLOCK), UNKNOWN]
    assert again.last_added_ms == 1234
    assert [pending.transaction for pending in again.pending()] == [one]


async def test_a_submitted_transaction_reaches_the_peers_and_is_not_sent_again(mempool: Mempool) -> None:
    other_database = Database.in_memory()
    ours, theirs = MemoryPeer(), MemoryPeer()
    ours.connect(theirs)
    their_mempool = Mempool(TransactionStore(other_database), now_ms=lambda: 5678)
    their_gossip = TransactionGossip(their_mempool, theirs, "mantle")
    transaction = transfer(0)
    await TransactionGossip(mempool, ours, "mantle").submit(transaction)
    ((topic, data),) = ours.published
    assert (topic, data) == ("mantle", transaction_to_wire(transaction))
    await their_gossip.receive(data)
    await their_gossip.receive(data)
    assert their_mempool.statuses([transaction.hash]) == [PENDING]
    assert not theirs.published
    other_database.close()


@pytest.mark.parametrize("damage", [b"", b"\x00", bytes(70_000), b"\xff" * 200])
async def test_nonsense_from_peers_is_dropped(mempool: Mempool, damage: bytes) -> None:
    await TransactionGossip(mempool, MemoryPeer(), "mantle").receive(damage)
    assert mempool.pending_count == 0
