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
from nomos_testing.runtime.chain_history import BlockRecord, ChainHistory
from nomos_testing.topology import WalletAccount
from nomos_testing.topology.wallets import WalletSpec, wallet_accounts
from nomos_testing.workloads.inclusion import InclusionCount, Sent
from nomos_testing.workloads.spending import FundedAccount, SpendableAccounts
from nomos_testing.workloads.transactions import self_transfer
from toy_chain import GENESIS_ID, toy_block

LOST_AFTER = 10.0


class Chain:
    """A chain on which a test puts transactions."""

    def __init__(self) -> None:
        self.history = ChainHistory()
        self.history.set_genesis(GENESIS_ID)
        self.blocks: list[Block] = []

    def grow(self, *transactions: SignedMantleTx, branch: int = 0) -> BlockRecord:
        parent = self.blocks[-1].id if self.blocks else GENESIS_ID
        block = toy_block(parent, len(self.blocks) + 1, branch=branch)
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
    (note,) = utxos_of(transaction.mantle_tx.ledger_tx)
    return note


async def test_an_account_is_free_when_its_transaction_is_on_the_chain_and_spends_its_change() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(LOST_AFTER), funded()
    transaction = transfer(source)
    accounts.sent(source, transaction, 0.0)
    accounts.settle(chain, 1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await accounts.take()
    accounts.see(chain.grow(transaction))
    accounts.settle(chain, 2.0)
    assert await taken(accounts) == FundedAccount(source.account, change_of(transaction))


async def test_accounts_are_handed_out_in_the_order_in_which_they_became_free() -> None:
    chain, accounts, sources = Chain(), SpendableAccounts(LOST_AFTER), funded(3)
    transactions = [transfer(source) for source in sources]
    for source, transaction in zip(sources, transactions, strict=True):
        accounts.sent(source, transaction, 0.0)
    for position in (2, 0, 1):
        accounts.see(chain.grow(transactions[position]))
        accounts.settle(chain, 1.0)
    assert [(await taken(accounts)).account.label for _ in sources] == [
        sources[position].account.label for position in (2, 0, 1)
    ]


async def test_a_block_of_a_branch_that_is_not_canonical_frees_nobody() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(LOST_AFTER), funded()
    transaction = transfer(source)
    accounts.sent(source, transaction, 0.0)
    accounts.see(chain.grow(transaction))
    chain.blocks.clear()
    chain.grow(branch=1)
    chain.grow(branch=1)
    accounts.settle(chain, 1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await accounts.take()
    assert accounts.lost == 0


async def test_a_lost_transaction_leaves_its_account_the_note_it_had() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(LOST_AFTER), funded()
    accounts.sent(source, transfer(source), 0.0)
    accounts.settle(chain, LOST_AFTER + 0.1)
    assert await taken(accounts) == source
    assert accounts.lost == 1


async def test_an_account_goes_back_to_the_last_note_that_is_on_the_canonical_chain() -> None:
    chain, accounts, (source,) = Chain(), SpendableAccounts(LOST_AFTER), funded()
    first = transfer(source)
    accounts.sent(source, first, 0.0)
    accounts.see(chain.grow(first))
    accounts.settle(chain, 0.0)
    kept = await taken(accounts)
    second = transfer(kept)
    accounts.sent(kept, second, 0.0)
    accounts.see(chain.grow(second))
    accounts.settle(chain, 0.0)
    spent = await taken(accounts)
    accounts.sent(spent, transfer(spent), 0.0)
    del chain.blocks[1:]
    chain.grow(branch=1)
    chain.grow(branch=1)
    accounts.settle(chain, LOST_AFTER + 0.1)
    assert await taken(accounts) == kept


async def test_equal_accounts_make_equal_transactions() -> None:
    hashes: list[Any] = [[transfer(source).hash for source in funded(3)] for _ in range(2)]
    assert hashes[0] == hashes[1]


@given(moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12))
def test_the_count_of_included_transactions_is_that_of_the_whole_chain(moves: list[tuple[int, int]]) -> None:
    """Each move takes so many blocks off the chain and puts a longer branch with so many transactions on it."""
    chain, count, sent = Chain(), InclusionCount(), list[Sent]()
    for number, (cut, transactions) in enumerate(moves, start=1):
        del chain.blocks[len(chain.blocks) - cut :]
        for position in range(cut + 1):
            hashes = [TxHash(1000 * number + 10 * position + index) for index in range(transactions)]
            sent += [Sent(tx_hash, "wallet-user-0", "a", 0.0) for tx_hash in hashes[:2]]
            chain.grow(*(SimpleNamespace(hash=tx_hash) for tx_hash in hashes), branch=number)  # type: ignore[arg-type]
        included = {tx.hash for block in chain.blocks for tx in block.transactions}
        assert count.update(sent, chain.canonical_blocks_backwards()) == len(included & {item.tx_hash for item in sent})
