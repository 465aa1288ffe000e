"""Mempool: pending transactions by hash, and the block in which each former one was seen.

The mempool checks only that a transaction is new. The signatures of its operations were checked when it was parsed.
Everything else is checked when a block is built. Transactions do not expire, and those of abandoned forks do not come
back.

Transactions of the node's own blocks stay pending: the next attempt to include them fails and removes them. Those of
other nodes' blocks are marked with the block.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nomos_core.codec import CodecError
from nomos_core.identifiers import HeaderId, TxHash
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_binary import transaction_from_wire, transaction_to_wire
from nomos_node.network.broadcast import Broadcast
from nomos_node.storage.transaction_store import StoredTransaction, TransactionStore

_log = logging.getLogger("nomos_mempool")


class AlreadyInMempool(Exception):
    """Error: the transaction is pending, or was seen in a block."""

    def __init__(self) -> None:
        super().__init__("Item already in mempool")


class TransactionTooLarge(Exception):
    """Error: the transaction does not fit into a message between nodes."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Pending transaction, with its wire form."""

    transaction: SignedMantleTx
    wire: bytes


@dataclass(frozen=True, slots=True)
class InBlock:
    """Status of a transaction that was seen in a block."""

    block: HeaderId


PENDING, UNKNOWN = "Pending", "Unknown"
Status = str | InBlock
"""Status of a transaction: ``PENDING``, ``UNKNOWN`` or an ``InBlock``."""


class Mempool:
    """Pending transactions. ``new_transactions`` announces each one when it becomes pending.

    ``now_ms`` is the wall clock, in milliseconds of the Unix epoch.
    """

    def __init__(self, store: TransactionStore, *, now_ms: Callable[[], int]) -> None:
        self.new_transactions: Broadcast[Pending] = Broadcast()
        self._store = store
        self._now_ms = now_ms
        self._pending: dict[TxHash, Pending] = {}
        self._block_of: dict[TxHash, HeaderId] = {}
        self._last_added_ms = 0

    def recover(self) -> None:
        """Read from disk what the mempool contained when the node last ran."""
        for stored in self._store.all():
            self._last_added_ms = max(self._last_added_ms, stored.added_at_ms)
            if stored.block is not None:
                self._block_of[stored.hash] = stored.block
                continue
            self._pending[stored.hash] = Pending(transaction_from_wire(stored.wire), stored.wire)
        _log.info("recovered %d pending transactions", len(self._pending))

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    @property
    def last_added_ms(self) -> int:
        """Time of the newest transaction, in milliseconds of the Unix epoch. 0 before the first."""
        return self._last_added_ms

    async def add(self, transaction: SignedMantleTx) -> Pending:
        """Add a transaction and put it on disk.

        Raises:
            AlreadyInMempool: it is known.
            TransactionTooLarge: no message could carry it.
            StorageError: it can't be put on disk.
        """
        hash_ = transaction.hash
        if hash_ in self._pending or hash_ in self._block_of:
            raise AlreadyInMempool
        pending = Pending(transaction, _wire(transaction))
        self._pending[hash_] = pending
        self._last_added_ms = self._now_ms()
        await self._store.add(StoredTransaction(hash_, pending.wire, self._last_added_ms, None))
        self.new_transactions.publish(pending)
        _log.debug("transaction %064x added, %d pending", hash_, len(self._pending))
        return pending

    def pending(self) -> list[Pending]:
        """Return all pending transactions in the order in which blocks take them: ascending by hash."""
        return [self._pending[hash_] for hash_ in sorted(self._pending)]

    async def find(self, hashes: Sequence[TxHash]) -> list[SignedMantleTx | None]:
        """Return the transactions of these hashes, pending or not. None for unknown ones."""
        absent = [hash_ for hash_ in hashes if hash_ not in self._pending]
        stored = {item.hash: item for item in await self._store.get(absent)} if absent else {}
        found = (self._pending.get(hash_) or stored.get(hash_) for hash_ in hashes)
        return [None if item is None else _transaction(item) for item in found]

    def statuses(self, hashes: Iterable[TxHash]) -> list[Status]:
        return [self._status(hash_) for hash_ in hashes]

    async def mark_in_block(self, transactions: Iterable[SignedMantleTx], block: HeaderId) -> None:
        """Note that the transactions are in a block of another node, so they are no longer pending.

        Unknown ones are stored too. When gossip brings them later, they are known.
        """
        included: list[StoredTransaction] = []
        for transaction in transactions:
            pending = self._pending.pop(transaction.hash, None)
            wire = pending.wire if pending else transaction_to_wire(transaction)
            included.append(StoredTransaction(transaction.hash, wire, self._last_added_ms, block))
            self._block_of[transaction.hash] = block
        if included:
            _log.info("%d transactions are in block 0x%s, %d pending", len(included), block.hex(), len(self._pending))
        await self._store.add(*included)

    async def remove(self, hashes: Sequence[TxHash]) -> None:
        """Forget transactions that the ledger refuses."""
        for hash_ in hashes:
            self._pending.pop(hash_, None)
            _log.debug("transaction %064x removed: no block can take it", hash_)
        await self._store.remove(hashes)

    def _status(self, hash_: TxHash) -> Status:
        if hash_ in self._pending:
            return PENDING
        block = self._block_of.get(hash_)
        return UNKNOWN if block is None else InBlock(block)


def _wire(transaction: SignedMantleTx) -> bytes:
    try:
        return transaction_to_wire(transaction)
    except CodecError as error:
        raise TransactionTooLarge(f"the transaction fits no message between nodes: {error}") from None


def _transaction(item: Pending | StoredTransaction) -> SignedMantleTx:
    return item.transaction if isinstance(item, Pending) else transaction_from_wire(item.wire)
