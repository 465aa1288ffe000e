"""Blobs on disk: verified shares, commitments of rows, and the transactions that name the blobs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from nomos_core.da.shares import LightShare, Share
from nomos_core.da.shares_wire import (
    commitments_from_wire,
    commitments_to_wire,
    light_share_from_wire,
    light_share_to_wire,
)
from nomos_core.identifiers import BlobId
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_binary import transaction_from_wire, transaction_to_wire
from nomos_node.storage.database import Database


class BlobStore:
    """Store of blobs. Every method raises ``StorageError`` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_share(self, blob: BlobId, share: Share) -> bool:
        """Store a verified share with the commitments. Return False when it was there.

        Raises:
            CodecError: it is larger than any message.
        """
        row = (blob, share.light.share_idx, light_share_to_wire(share.light))
        commitments = commitments_to_wire(share.rows_commitments)

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("INSERT OR IGNORE INTO da_commitments VALUES (?, ?)", (blob, commitments))
            return connection.execute("INSERT OR IGNORE INTO da_shares VALUES (?, ?, ?)", row).rowcount > 0

        return await self._database.run(work)

    async def holds(self, blob: BlobId, share: Share) -> bool:
        """Return whether this share is stored, with these commitments."""
        return await self.share(blob, share.light.share_idx) == share.light and (
            await self.commitments(blob) == share.rows_commitments
        )

    async def share(self, blob: BlobId, column: int) -> LightShare | None:
        wire = await self._share_wire(blob, column)
        return None if wire is None else light_share_from_wire(wire)

    async def columns(self, blob: BlobId) -> Sequence[int]:
        """Return the stored columns of a blob, ascending."""
        query = "SELECT column FROM da_shares WHERE blob = ? ORDER BY column"
        return await self._database.run(lambda connection: [column for (column,) in connection.execute(query, (blob,))])

    async def commitments(self, blob: BlobId) -> tuple[bytes, ...] | None:
        wire = await self._one("SELECT wire FROM da_commitments WHERE blob = ?", (blob,))
        return None if wire is None else commitments_from_wire(wire)

    async def add_transaction(self, blob: BlobId, transaction: SignedMantleTx) -> bool:
        """Store the first transaction that names a blob. Return False when there was one."""
        row = (blob, transaction_to_wire(transaction))
        return await self._database.run(
            lambda connection: (
                connection.execute("INSERT OR IGNORE INTO da_transactions VALUES (?, ?)", row).rowcount > 0
            )
        )

    async def transaction(self, blob: BlobId) -> SignedMantleTx | None:
        wire = await self._one("SELECT wire FROM da_transactions WHERE blob = ?", (blob,))
        return None if wire is None else transaction_from_wire(wire)

    async def _share_wire(self, blob: BlobId, column: int) -> bytes | None:
        return await self._one("SELECT wire FROM da_shares WHERE blob = ? AND column = ?", (blob, column))

    async def _one(self, query: str, arguments: tuple[object, ...]) -> bytes | None:
        row = await self._database.run(lambda connection: connection.execute(query, arguments).fetchone())
        return row[0] if row else None
