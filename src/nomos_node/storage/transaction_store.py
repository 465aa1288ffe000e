"""Transactions of the mempool on disk, with the block in which each was seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nomos_core import field
from nomos_core.identifiers import HeaderId, TxHash
from nomos_node.storage.database import Database


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """Transaction on disk."""

    hash: TxHash
    wire: bytes
    added_at_ms: int
    block: HeaderId | None
    """Block in which it was seen. None while it is pending."""


class TransactionStore:
    """Store of transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, *transactions: StoredTransaction) -> None:
        """Store transactions. They replace stored ones of the same hash."""
        rows = [(_key(item.hash), item.wire, item.added_at_ms, item.block) for item in transactions]
        await self._run_many("INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?)", rows)

    async def remove(self, hashes: Iterable[TxHash]) -> None:
        await self._run_many("DELETE FROM transactions WHERE hash = ?", [(_key(hash_),) for hash_ in hashes])

    async def get(self, hashes: Iterable[TxHash]) -> list[StoredTransaction]:
        """Return the stored ones of these transactions, in the order of ``hashes``."""
        query = "SELECT hash, wire, added_at_ms, block FROM transactions WHERE hash = ?"
        keys = [_key(hash_) for hash_ in hashes]

        def work(connection: sqlite3.Connection) -> list[StoredTransaction]:
            rows = (connection.execute(query, (key,)).fetchone() for key in keys)
            return [_stored(row) for row in rows if row]

        return await self._database.run(work)

    def all(self) -> list[StoredTransaction]:
        query = "SELECT hash, wire, added_at_ms, block FROM transactions"
        return self._database.run_blocking(lambda connection: [_stored(row) for row in connection.execute(query)])

    async def _run_many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            await self._database.run(lambda connection: connection.executemany(statement, rows))


def _stored(row: tuple[bytes, bytes, int, HeaderId | None]) -> StoredTransaction:
    key, *rest = row
    return StoredTransaction(TxHash(field.from_bytes(key)), *rest)  # type: ignore[arg-type]


def _key(hash_: TxHash) -> bytes:
    return field.to_bytes(hash_)
