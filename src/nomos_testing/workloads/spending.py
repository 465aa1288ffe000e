"""The accounts of a run and the note that each may spend next.

An account begins with its note of genesis. Each transaction turns its note into a new one of the same value, which may
be spent once the transaction is on the canonical chain. A transaction can get lost: a node's mempool does not take back
what was in a block of an abandoned branch. Its account goes on from the last of its notes that is on the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from nomos_core.identifiers import HeaderId, TxHash
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_testing.runtime.chain_history import BlockRecord
from nomos_testing.topology import WalletAccount

LOST_AFTER_SLOTS: Final = 30
"""A transaction that is on no canonical chain for so long is taken for lost."""


class Chain(Protocol):
    """The part of the block feed that is asked."""

    def canonical_blocks_backwards(self) -> Iterable[BlockRecord]: ...


@dataclass(frozen=True, slots=True)
class FundedAccount:
    """An account and the note it may spend."""

    account: WalletAccount
    note: Utxo


@dataclass(slots=True)
class _Spender:
    account: WalletAccount
    notes: list[tuple[Utxo, HeaderId | None]]
    """Notes of included transactions and their blocks, the newest last; the first one is of genesis."""
    pending: SignedMantleTx | None = None
    sent_at: float = 0.0
    seen_in: BlockRecord | None = None
    """A block with the pending transaction."""


@dataclass(slots=True)
class SpendableAccounts:
    """Hands out accounts whose last transaction is on the canonical chain, in the order in which they became free."""

    lost_after: float
    """Seconds."""
    _spenders: dict[str, _Spender] = field(default_factory=dict)
    _by_transaction: dict[TxHash, _Spender] = field(default_factory=dict)
    _free: asyncio.Queue[_Spender] = field(default_factory=asyncio.Queue)
    lost: int = 0
    """Transactions that never came onto the canonical chain in time."""

    def sent(self, source: FundedAccount, transaction: SignedMantleTx, at: float) -> None:
        """Note that a node has taken a transaction of an account."""
        label = source.account.label
        spender = self._spenders.setdefault(label, _Spender(source.account, [(source.note, None)]))
        spender.pending, spender.sent_at, spender.seen_in = transaction, at, None
        self._by_transaction[transaction.hash] = spender

    async def take(self) -> FundedAccount:
        """The account that has been free for longest, with the note it may spend; waits for one."""
        spender = await self._free.get()
        return FundedAccount(spender.account, spender.notes[-1][0])

    def see(self, block: BlockRecord) -> None:
        """Find pending transactions in a block, on whichever branch."""
        for transaction in block.block.transactions:
            spender = self._by_transaction.get(transaction.hash)
            if spender is not None:
                spender.seen_in = block

    def settle(self, chain: Chain, now: float) -> None:
        """Free the accounts whose transaction is on the canonical chain, and those whose transaction is lost."""
        waiting = list(self._by_transaction.values())
        seen = [spender for spender in waiting if spender.seen_in is not None]
        on_chain = _those_on(chain, [spender.seen_in for spender in seen if spender.seen_in is not None])
        for spender in waiting:
            assert spender.pending is not None
            if spender.seen_in is not None and spender.seen_in.id in on_chain:
                (note,) = utxos_of(spender.pending.mantle_tx.ledger_tx)
                spender.notes.append((note, spender.seen_in.id))
                self._release(spender)
            elif now - spender.sent_at > self.lost_after:
                self.lost += 1
                self._go_back(spender, chain)
                self._release(spender)

    def _release(self, spender: _Spender) -> None:
        assert spender.pending is not None
        del self._by_transaction[spender.pending.hash]
        spender.pending = spender.seen_in = None
        del spender.notes[1:-_KEPT_NOTES]
        self._free.put_nowait(spender)

    def _go_back(self, spender: _Spender, chain: Chain) -> None:
        """Forget the notes whose blocks have left the canonical chain."""
        blocks = {record.id for record in chain.canonical_blocks_backwards()}
        while spender.notes[-1][1] is not None and spender.notes[-1][1] not in blocks:
            spender.notes.pop()


_KEPT_NOTES: Final = 50
"""The last notes of an account that are remembered, and that of genesis: more than a branch is ever deep."""


def _those_on(chain: Chain, records: Sequence[BlockRecord]) -> set[HeaderId]:
    """The ids of those records that are on the chain; walks no further back than the lowest of them."""
    if not records:
        return set()
    lowest = min(record.height for record in records)
    wanted, found = {record.id for record in records}, set[HeaderId]()
    for block in chain.canonical_blocks_backwards():
        if block.height < lowest:
            break
        if block.id in wanted:
            found.add(block.id)
    return found
