"""Blocks on disk by id, the irreversible chain by slot, and the position of the chain.

One accepted block is one piece of work: the block, the new tip and LIB, and the changes that the move of the LIB brings
are on disk together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nomos_core.cryptarchia.fork_choice import Branch, Mode
from nomos_core.identifiers import HeaderId
from nomos_node.storage.database import Database


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """Block on disk."""

    id: HeaderId
    parent: HeaderId
    slot: int
    height: int
    wire: bytes
    """Binary form of the block, as it is sent to peers."""


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """Position of the chain."""

    genesis: HeaderId
    tip: HeaderId
    lib: HeaderId
    mode: Mode


@dataclass(frozen=True, slots=True)
class RecordedPosition(ChainPosition):
    """Position of the chain on disk."""

    recorded_at: float
    """Seconds of the Unix epoch. A restart counts from then how long the node was offline."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Ledger state of the irreversible chain."""

    id: HeaderId
    slot: int
    height: int
    state: bytes


class BlockStore:
    """Store of blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        position: ChainPosition,
        now: float,
        *,
        block: StoredBlock | None = None,
        immutable: Sequence[Branch[HeaderId]] = (),
        stale: Iterable[HeaderId] = (),
    ) -> None:
        """Write the position of the chain, the block that led to it, and the effects of a move of the LIB.

        ``now`` is the wall clock, in seconds of the Unix epoch. ``immutable`` blocks became irreversible, ``stale``
        ones are removed.

        Raises:
            StorageError: as ``Database.run``.
        """
        removed = [(id_,) for id_ in stale]

        def work(connection: sqlite3.Connection) -> None:
            if block is not None:
                row = (block.id, block.parent, block.slot, block.height, block.wire)
                connection.execute("INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?, ?)", row)
            connection.executemany("DELETE FROM blocks WHERE id = ?", removed)
            connection.executemany(
                "INSERT OR REPLACE INTO immutable VALUES (?, ?)", [(branch.slot, branch.id) for branch in immutable]
            )
            connection.execute(
                "INSERT OR REPLACE INTO chain VALUES (0, ?, ?, ?, ?, ?)",
                (position.genesis, position.tip, position.lib, position.mode.value, now),
            )

        await self._database.run(work)

    async def block(self, id_: HeaderId) -> StoredBlock | None:
        query = "SELECT id, parent, slot, height, wire FROM blocks WHERE id = ?"
        row = await self._database.run(lambda connection: connection.execute(query, (id_,)).fetchone())
        return StoredBlock(*row) if row else None

    async def immutable_ids(self, first_slot: int, last_slot: int, limit: int) -> list[HeaderId]:
        """Return ids of the irreversible chain in a range of slots, both ends included, oldest first."""
        query = "SELECT id FROM immutable WHERE slot BETWEEN ? AND ? ORDER BY slot LIMIT ?"
        return await self._database.run(
            lambda connection: [id_ for (id_,) in connection.execute(query, (first_slot, last_slot, limit))]
        )

    async def is_immutable(self, slot: int, id_: HeaderId) -> bool:
        return await self.immutable_ids(slot, slot, 1) == [id_]

    def position(self) -> RecordedPosition | None:
        query = "SELECT genesis, tip, lib, mode, recorded_at FROM chain"
        row = self._database.run_blocking(lambda connection: connection.execute(query).fetchone())
        return RecordedPosition(row[0], row[1], row[2], Mode(row[3]), row[4]) if row else None

    def blocks_above(self, height: int) -> list[StoredBlock]:
        """Return all blocks higher than ``height`` on all forks, lowest first."""
        query = "SELECT id, parent, slot, height, wire FROM blocks WHERE height > ? ORDER BY height, slot"
        return self._database.run_blocking(
            lambda connection: [StoredBlock(*row) for row in connection.execute(query, (height,))]
        )

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Store this snapshot in place of the earlier ones."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM snapshots")
            row = (snapshot.id, snapshot.slot, snapshot.height, snapshot.state)
            connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?)", row)

        await self._database.run(work)

    def snapshot(self) -> Snapshot | None:
        query = "SELECT id, slot, height, state FROM snapshots"
        row = self._database.run_blocking(lambda connection: connection.execute(query).fetchone())
        return Snapshot(*row) if row else None
