"""The accounts of a run and the note that each can spend next.

An account starts with its genesis note. Each transaction turns the note into a new one, which can be spent once the
transaction is on the canonical chain. A transaction can get lost: a node's mempool does not take back transactions of
an abandoned branch, and refuses a transaction that it has seen before. The account then spends the same note again in
a different transaction, and continues with the one that reaches the chain.
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
"""A transaction counts as lost if it is not on the canonical chain after so many new blocks. The unit is blocks,
because nothing is lost while no block comes."""
_KEPT_NOTES: Final = 50
"""The number of notes kept for an account beside its genesis note. No branch is ever this deep."""


class Chain(Protocol):
    """The part of the block feed that is used here."""

    def canonical_blocks_backwards(self) -> Iterable[BlockRecord]: ...


class CanonicalTransactions:
    """The transaction hashes of the canonical chain. They are read again only after a reorganisation."""

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
        """Return how many of ``wanted`` are on the chain."""
        return len(self._hashes & wanted)


@dataclass(frozen=True, slots=True)
class FundedAccount:
    """An account, the note that it can spend, and the number of lost transactions that spent this note."""

    account: WalletAccount
    note: Utxo
    attempt: int = 0


@dataclass(slots=True)
class _Spender:
    account: WalletAccount
    notes: list[tuple[Utxo, TxHash | None]]
    """The genesis note, then the notes of included transactions with their transaction, the newest last."""
    pending: list[SignedMantleTx] = field(default_factory=list)
    """Transactions that spend the last note. A chain can include only one of them."""
    waits: bool = False
    """Whether the account waits for a pending transaction. If not, it is free or has not sent yet."""
    height: int = 0
    """The height of the chain when the last pending transaction was sent."""
    attempts: Counter[NoteId] = field(default_factory=Counter)


class SpendableAccounts:
    """Hands out the accounts whose last transaction is on the canonical chain, the first free one first."""

    def __init__(self) -> None:
        self._canonical = CanonicalTransactions()
        self._spenders: dict[str, _Spender] = {}
        self._free: asyncio.Queue[_Spender] = asyncio.Queue()
        self.lost = 0
        """The number of lost transactions."""

    def sent(self, source: FundedAccount, transaction: SignedMantleTx) -> None:
        """Note that a node has accepted a transaction of an account."""
        label = source.account.label
        spender = self._spenders.setdefault(label, _Spender(source.account, [(source.note, None)]))
        spender.pending.append(transaction)
        spender.attempts[source.note.id] += 1
        spender.waits, spender.height = True, self._canonical.height

    async def take(self) -> FundedAccount:
        """Wait for a free account, and return it with the note that it can spend."""
        spender = await self._free.get()
        self._go_back(spender)
        note = spender.notes[-1][0]
        return FundedAccount(spender.account, note, spender.attempts[note.id])

    def settle(self, chain: Chain) -> None:
        """Free each account whose transaction is on the canonical chain, or is lost."""
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
        """Drop the notes that are no longer on the chain, and the transactions that spend them."""
        while (made_by := spender.notes[-1][1]) is not None and made_by not in self._canonical:
            spender.notes.pop()
            spender.pending.clear()
