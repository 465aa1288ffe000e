"""Accounts that spend their change: when they are free, what they may spend, and what becomes of lost transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import TxHash
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.transactions import LedgerTx, Note, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.blocks.chain_history import BlockRecord, ChainHistory
from nomos_testing.failure import Failure
from nomos_testing.topology import WalletAccount
from nomos_testing.topology.wallets import WalletSpec, wallet_accounts
from nomos_testing.workloads.transactions.spending import (
    LOST_AFTER_BLOCKS,
    CanonicalTransactions,
    FundedAccount,
    SpendableAccounts,
)
from nomos_testing.workloads.transactions.workload import self_transfer
from support.fakes.fake_chain import GENESIS_ID, fake_block


class Chain:
    """A chain on which a test puts transactions."""

    def __init__(self) -> None:
        self.history = ChainHistory()
        self.history.set_genesis(GENESIS_ID)
        self.blocks: list[Block] = []

    def grow(self, *transactions: SignedMantleTx, branch: int = 0) -> BlockRecord:
        parent = self.blocks[-1].id if self.blocks else GENESIS_ID
        block = fake_block(parent, len(self.blocks) + 1, branch=branch)
        self.blocks.append(replace(block, transactions=transactions))
        self.history.add("a", [(self.blocks[-1].id, self.blocks[-1])], 0.0)
        self.history.move("a", self.blocks[-1].id, 0.0)
        return self.history.records[-1]

    def canonical_blocks_backwards(self) -> Iterator[BlockRecord]:
        tip = self.history.canonical_tip()
        return iter(()) if tip is None else self.history.backwards(tip)


def funded(count: int = 1) -> list[FundedAccount]:
    accounts: Sequence[WalletAccount] = wallet_accounts(WalletSpec(total=100 * count, users=count))
    genesis = LedgerTx(inputs=(), outputs=tuple(Note(account.value, account.public_key) for account in accounts))
    return [FundedAccount(account, utxo) for account, utxo in zip(accounts, utxos_of(genesis), strict=True)]


def transfer(source: FundedAccount) -> SignedMantleTx:
    return self_transfer(source, DevelopmentProver())


async def taken(accounts: SpendableAccounts) -> FundedAccount:
    async with asyncio.timeout(5):
        return await accounts.take()


def change_of(transaction: SignedMantleTx) -> Utxo:
    return utxos_of(transaction.mantle_tx.ledger_tx)[0]


async def test_an_account_is_free_when_its_transaction_is_on_the_chain_and_spends_its_change() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    transaction = transfer(source)
    accounts.sent(source, transaction)
    accounts.settle(chain)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await accounts.take()
    chain.grow(transaction)
    accounts.settle(chain)
    assert await taken(accounts) == FundedAccount(source.account, change_of(transaction))


async def test_accounts_are_handed_out_in_the_order_in_which_they_became_free() -> None:
    chain, accounts, sources = Chain(), SpendableAccounts(), funded(3)
    transactions = [transfer(source) for source in sources]
    for source, transaction in zip(sources, transactions, strict=True):
        accounts.sent(source, transaction)
    for position in (2, 0, 1):
        chain.grow(transactions[position])
        accounts.settle(chain)
    assert [(await taken(accounts)).account.label for _ in sources] == [
        sources[position].account.label for position in (2, 0, 1)
    ]


async def test_a_block_of_a_branch_that_is_not_canonical_frees_nobody() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    transaction = transfer(source)
    accounts.sent(source, transaction)
    chain.grow(transaction)
    chain.blocks.clear()
    chain.grow(branch=1)
    chain.grow(branch=1)
    accounts.settle(chain)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await accounts.take()
    assert accounts.lost == 0


def grow_without(chain: Chain, accounts: SpendableAccounts, *, branch: int = 0) -> None:
    """So many blocks that what is not on the chain is given up."""
    for _ in range(LOST_AFTER_BLOCKS + 1):
        chain.grow(branch=branch)
    accounts.settle(chain)


async def test_a_lost_transaction_is_sent_again_with_another_hash() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    lost = transfer(source)
    accounts.sent(source, lost)
    grow_without(chain, accounts)
    again = await taken(accounts)
    assert (again.note, again.attempt, accounts.lost) == (source.note, 1, 1)
    second = transfer(again)
    assert second.hash != lost.hash
    assert second.mantle_tx.ledger_tx.inputs == lost.mantle_tx.ledger_tx.inputs
    assert [note.value for note in second.mantle_tx.ledger_tx.outputs] == [99, 1]
    accounts.sent(again, second)
    chain.grow(second)
    accounts.settle(chain)
    assert await taken(accounts) == FundedAccount(source.account, change_of(second))


async def test_a_transaction_that_was_given_up_and_comes_after_all_is_what_its_account_goes_on_from() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    late = transfer(source)
    accounts.sent(source, late)
    grow_without(chain, accounts)
    again = await taken(accounts)
    accounts.sent(again, transfer(again))
    chain.grow(late)
    accounts.settle(chain)
    assert (await taken(accounts)).note == change_of(late)


async def test_while_no_block_comes_nothing_is_lost() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    accounts.sent(source, transfer(source))
    for _ in range(10 * LOST_AFTER_BLOCKS):
        accounts.settle(chain)
    assert accounts.lost == 0


async def test_a_block_that_is_seen_before_the_nodes_answer_counts() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    transaction = transfer(source)
    chain.grow(transaction)
    accounts.settle(chain)
    accounts.sent(source, transaction)
    chain.grow()
    accounts.settle(chain)
    assert (await taken(accounts)).note == change_of(transaction)


async def test_a_sibling_block_with_the_same_transaction_keeps_the_note() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    transaction = transfer(source)
    accounts.sent(source, transaction)
    chain.grow(transaction)
    accounts.settle(chain)
    chain.blocks.clear()
    chain.grow(transaction, branch=1)
    chain.grow(branch=1)
    accounts.settle(chain)
    assert (await taken(accounts)).note == change_of(transaction)


async def test_an_account_goes_back_to_the_last_note_that_is_on_the_canonical_chain() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(), funded()
    first = transfer(source)
    accounts.sent(source, first)
    chain.grow(first)
    accounts.settle(chain)
    kept = await taken(accounts)
    second = transfer(kept)
    accounts.sent(kept, second)
    chain.grow(second)
    accounts.settle(chain)
    spent = await taken(accounts)
    accounts.sent(spent, transfer(spent))
    del chain.blocks[1:]
    grow_without(chain, accounts, branch=1)
    back = await taken(accounts)
    assert (back.note, back.attempt) == (kept.note, 1)
    assert transfer(back).hash != second.hash


async def test_a_note_that_cannot_be_split_once_more_fails_the_run() -> None:
    (source,) = funded()
    with pytest.raises(Failure, match="wallet-user-0: 100 transactions of its note of 100 tokens were lost"):
        transfer(replace(source, attempt=100))


async def test_equal_accounts_make_equal_transactions() -> None:
    hashes: list[Any] = [[transfer(source).hash for source in funded(3)] for _ in range(2)]
    assert hashes[0] == hashes[1]


@given(moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12))
def test_the_count_of_included_transactions_is_that_of_the_whole_chain(moves: list[tuple[int, int]]) -> None:
    """Each move takes so many blocks off the chain and puts a longer branch with so many transactions on it."""
    chain, canonical, sent = Chain(), CanonicalTransactions(), set[TxHash]()
    for number, (cut, transactions) in enumerate(moves, start=1):
        del chain.blocks[len(chain.blocks) - cut :]
        for position in range(cut + 1):
            hashes = [TxHash(1000 * number + 10 * position + index) for index in range(transactions)]
            sent.update(hashes[:2])
            chain.grow(*(SimpleNamespace(hash=tx_hash) for tx_hash in hashes), branch=number)  # type: ignore[arg-type]
        included = {tx.hash for block in chain.blocks for tx in block.transactions}
        canonical.update(chain)
        assert canonical.count(sent) == len(included & sent)
        assert canonical.height == len(chain.blocks)
