"""The accounts of a run and the note that each may spend next.

An account begins with its note of genesis. Each transaction turns its note into a new one, which may be spent once the
transaction is on the canonical chain. A transaction can get lost: a node's mempool does not take back what was in a
block of an abandoned branch, and refuses what it has seen before. Its account then spends the same note once more, in a
transaction that differs, and goes on with whichever of them comes onto the chain.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from nomos_core.identifiers import HeaderId, NoteId, TxHash
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.topology import WalletAccount

LOST_AFTER_BLOCKS: Final = 15
"""A transaction that is not on the canonical chain when it has grown by so many blocks is taken for lost. Blocks, not
seconds: while no block comes, nothing is lost."""
_KEPT_NOTES: Final = 50
"""The last notes of an account that are remembered, and that of genesis: more than a branch is ever deep."""


class Chain(Protocol):
    """The part of the block feed that is asked."""

    def canonical_blocks_backwards(self) -> Iterable[BlockRecord]: ...


class CanonicalTransactions:
    """The hashes of the canonical chain's transactions, read anew only where the chain has left a branch."""

    def __init__(self) -> None:
        self._tip: HeaderId | None = None
        self._hashes: set[TxHash] = set()
        self.height = 0

    def __contains__(self, tx_hash: TxHash) -> bool:
        return tx_hash in self._hashes

    def update(self, chain: Chain) -> None:
        new = list[BlockRecord]()
        for record in chain.canonical_blocks_backwards():
            if record.id == self._tip:
                break
            new.append(record)
        else:
            self._hashes = set()
        for record in new:
            self._hashes.update(transaction.hash for transaction in record.block.transactions)
        if new:
            self._tip, self.height = new[0].id, new[0].height

    def count(self, wanted: set[TxHash]) -> int:
        """How many of ``wanted`` are on the chain."""
        return len(self._hashes & wanted)


@dataclass(frozen=True, slots=True)
class FundedAccount:
    """An account, the note it may spend, and how often a transaction has spent that note in vain."""

    account: WalletAccount
    note: Utxo
    attempt: int = 0


@dataclass(slots=True)
class _Spender:
    account: WalletAccount
    notes: list[tuple[Utxo, TxHash | None]]
    """Notes of included transactions, the newest last, each with the transaction; the first one is of genesis."""
    pending: list[SignedMantleTx] = field(default_factory=list)
    """Transactions that spend the last note; at most one of them can come onto a chain."""
    waits: bool = False
    """For one of them; else the account is free, or has not sent yet."""
    height: int = 0
    """Of the chain when the last of them was sent."""
    attempts: Counter[NoteId] = field(default_factory=Counter)


class SpendableAccounts:
    """Hands out accounts whose last transaction is on the canonical chain, in the order in which they became free."""

    def __init__(self) -> None:
        self._canonical = CanonicalTransactions()
        self._spenders: dict[str, _Spender] = {}
        self._free: asyncio.Queue[_Spender] = asyncio.Queue()
        self.lost = 0
        """Transactions that were given up."""

    def sent(self, source: FundedAccount, transaction: SignedMantleTx) -> None:
        """Note that a node has taken a transaction of an account."""
        label = source.account.label
        spender = self._spenders.setdefault(label, _Spender(source.account, [(source.note, None)]))
        spender.pending.append(transaction)
        spender.attempts[source.note.id] += 1
        spender.waits, spender.height = True, self._canonical.height

    async def take(self) -> FundedAccount:
        """The account that has been free for longest, with the note it may spend; waits for one."""
        spender = await self._free.get()
        self._go_back(spender)
        note = spender.notes[-1][0]
        return FundedAccount(spender.account, note, spender.attempts[note.id])

    def settle(self, chain: Chain) -> None:
        """Free the accounts whose transaction is on the canonical chain, and those whose transaction is lost."""
        self._canonical.update(chain)
        for spender in self._spenders.values():
            if not spender.waits:
                continue
            found = next((item for item in spender.pending if item.hash in self._canonical), None)
            if found is not None:
                spender.notes.append((utxos_of(found.mantle_tx.ledger_tx)[0], found.hash))
                spender.pending.clear()
                del spender.notes[1:-_KEPT_NOTES]
            elif self._canonical.height < spender.height + LOST_AFTER_BLOCKS:
                continue
            else:
                self.lost += 1
            spender.waits = False
            self._free.put_nowait(spender)

    def _go_back(self, spender: _Spender) -> None:
        """Forget the notes that the chain no longer has, and with them the transactions that spend them."""
        while (made_by := spender.notes[-1][1]) is not None and made_by not in self._canonical:
            spender.notes.pop()
            spender.pending.clear()
