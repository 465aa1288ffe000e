"""The leader: which slots it wins, what its blocks take, and when it keeps silent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Set

import pytest

from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.leadership import development_constants, ticket
from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_node.chain.blob_sampling import NoSampling
from nomos_node.leader import assembly
from nomos_node.leader.assembly import Selection, select_transactions
from nomos_node.leader.leader import Leader
from nomos_node.leader.lottery import Tickets
from nomos_node.leader.turns import Turns
from nomos_node.mempool.mempool import PENDING, UNKNOWN
from nomos_node.wallet.wallet import Wallet
from nomos_node.workers import ThreadWorker
from support.inputs.chain_making import NOTES, PROVER, SECRETS, VALUE, TestNode, forge, inscription, transfer

_LEADER_SECRET = 1234
_COEFFICIENT = 0.9
_TOTAL = VALUE * len(NOTES)


@pytest.fixture
async def node() -> AsyncIterator[TestNode]:
    node = TestNode()
    yield node
    node.close()


def _leader(node: TestNode, secrets: tuple[int, ...] = SECRETS) -> tuple[Leader, list[Block]]:
    """A leader with the notes of these keys, and what it publishes."""
    published: list[Block] = []
    wallet = Wallet(node.chain, [zk_public_key(secret) for secret in secrets], {})

    async def publish(block: Block) -> None:
        published.append(block)

    tickets = Tickets(wallet, _LEADER_SECRET, _COEFFICIENT)
    turns = Turns(Ed25519Key(bytes(32)).public, slot_seconds=2)
    leader = Leader(
        node.chain,
        node.mempool,
        node.sampling,
        tickets=tickets,
        turns=turns,
        publish=publish,
        worker=ThreadWorker("lottery", 1),
    )
    return leader, published


def _winning_slots(slots: range, notes: int) -> list[int]:
    """The lottery of the first epoch, drawn note by note."""
    threshold = development_constants(_TOTAL, _COEFFICIENT).threshold(VALUE)
    draws = {slot: [ticket(note.id, _LEADER_SECRET, 0, slot) for note in NOTES[:notes]] for slot in slots}
    return [slot for slot, drawn in draws.items() if any(number < threshold for number in drawn)]


@pytest.mark.parametrize("notes", [1, 4, 8])
async def test_the_leader_wins_exactly_the_slots_of_the_lottery(node: TestNode, notes: int) -> None:
    leader, published = _leader(node, SECRETS[:notes])
    slots = range(1, 25)
    for slot in slots:
        await leader.lead(slot)
    won = [block.header.slot for block in published]
    assert won == _winning_slots(slots, notes)
    assert node.chain.tip.id == published[-1].id


async def test_a_key_without_notes_never_leads(node: TestNode) -> None:
    leader, published = _leader(node, (4711,))
    for slot in range(1, 10):
        await leader.lead(slot)
    assert not published


async def test_a_slot_that_has_a_block_or_lies_beyond_the_known_epochs_is_passed_over(node: TestNode) -> None:
    leader, published = _leader(node)
    won = _winning_slots(range(1, 25), 8)[0]
    await node.chain.add_block(forge(node.chain, won))
    await leader.lead(won)
    await leader.lead(2 * node.chain.rules.config.schedule.epoch_length)
    assert not published


async def test_a_block_takes_what_the_ledger_takes_and_the_rest_leaves_the_mempool(node: TestNode) -> None:
    good, unbalanced, double = transfer(0), transfer(1, value=99), transfer(0, to=98)
    for transaction in (good, unbalanced, double):
        await node.mempool.add(transaction)
    leader, published = _leader(node)
    await leader.lead(_winning_slots(range(1, 25), 8)[0])
    (block,) = published
    first = min(good, double, key=lambda transaction: transaction.hash)
    assert block.transactions == (first,)
    assert node.mempool.statuses([first.hash]) == [PENDING], "one's own transactions stay pending"
    gone = [transaction.hash for transaction in (good, unbalanced, double) if transaction != first]
    assert node.mempool.statuses(gone) == [UNKNOWN, UNKNOWN]


async def test_a_transaction_of_an_own_block_is_dropped_when_it_is_tried_again(node: TestNode) -> None:
    transaction = transfer(0)
    await node.mempool.add(transaction)
    leader, published = _leader(node)
    for slot in _winning_slots(range(1, 60), 6)[:2]:
        await leader.lead(slot)
    assert [len(block.transactions) for block in published] == [1, 0]
    assert node.mempool.statuses([transaction.hash]) == [UNKNOWN]


def _select(node: TestNode, blobs: frozenset[BlobId] = frozenset()) -> Selection:
    proof = forge(node.chain, 1).header.leader_proof
    return select_transactions(
        node.chain.tip_state(),
        node.mempool.pending(),
        slot=1,
        leader_proof=proof,
        validated_blobs=blobs,
        rules=node.chain.rules,
    )


async def test_transactions_are_tried_in_the_order_of_their_hashes(node: TestNode) -> None:
    transactions = [transfer(index) for index in range(6)]
    for transaction in transactions:
        await node.mempool.add(transaction)
    assert list(_select(node).transactions) == sorted(transactions, key=lambda transaction: transaction.hash)


async def test_a_block_stops_at_its_limits_and_the_rest_waits(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(6):
        await node.mempool.add(transfer(index))
    monkeypatch.setattr(assembly, "MAX_TRANSACTIONS", 4)
    assert len(_select(node).transactions) == 4
    size = len(node.mempool.pending()[0].wire)
    monkeypatch.setattr(assembly, "MAX_TRANSACTION_BYTES", 2 * size + 1)
    selection = _select(node)
    assert (len(selection.transactions), selection.refused) == (2, ())


async def test_a_block_takes_a_blob_only_when_it_was_sampled(node: TestNode) -> None:
    blobs = [BlobId(bytes([number]) * 32) for number in range(3)]
    announcing = [announcement(blob, number) for number, blob in enumerate(blobs, start=1)]
    for transaction in [transfer(0), *announcing]:
        await node.mempool.add(transaction)
    assert _select(node) == Selection((transfer(0),), ())
    chosen = _select(node, frozenset(blobs[:2])).transactions
    assert {transaction.hash for transaction in chosen} == {each.hash for each in [transfer(0), *announcing[:2]]}


async def test_the_leader_leaves_out_blobs_that_others_may_not_have_sampled_yet() -> None:
    blob = BlobId(bytes(31) + b"\x07")
    sampling = _Sampling()
    node = TestNode(sampling=sampling)
    await node.mempool.add(announcement(blob, 1))
    leader, published = _leader(node)
    one, other = _winning_slots(range(1, 100), len(SECRETS))[:2]
    sampling.validated = {blob}
    await leader.lead(one)
    sampling.proposable = {blob}
    await leader.lead(other)
    assert [len(block.transactions) for block in published] == [0, 1]
    node.close()


class _Sampling(NoSampling):
    def __init__(self) -> None:
        self.validated: Set[BlobId] = frozenset()
        self.proposable: Set[BlobId] = frozenset()

    def validated_blobs(self) -> Set[BlobId]:
        return self.validated

    def proposable_blobs(self) -> Set[BlobId]:
        return self.proposable


def announcement(blob: BlobId, channel: int) -> SignedMantleTx:
    """The transaction of a blob in a channel of its own."""
    key = Ed25519Key(bytes(32))
    operation = ChannelBlob(ChannelId(channel.to_bytes(32, "big")), 0, blob, 31, 0, ROOT_MSG_ID, key.public)
    return sign_transaction(MantleTx((operation,)), operation_signers=(Ed25519Signer(key),), prover=PROVER)


async def test_a_full_block_can_still_be_stored_and_sent(node: TestNode) -> None:
    for number in range(8):
        await node.mempool.add(inscription(bytes(12_000), channel=number))
    leader, published = _leader(node)
    won = _winning_slots(range(1, 40), 8)
    await leader.lead(won[0])
    assert len(published[0].transactions) == 5
    stored = await node.store.block(published[0].id)
    assert stored is not None
    assert len(stored.wire) + 12 <= 0xFFFF
