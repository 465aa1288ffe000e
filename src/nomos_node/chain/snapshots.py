"""Snapshots of the ledger on disk, so that a restart need not replay the chain from genesis.

A snapshot of a thousand notes has some hundred kilobytes. One for every block would be most of what a node writes. So
there is one for every ``INTERVAL`` blocks of the irreversible chain, and a restart applies the blocks since then.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

from nomos_core.cryptarchia.fork_choice import Branch
from nomos_core.identifiers import HeaderId
from nomos_core.ledger.snapshot import SnapshotError, state_from_json, state_to_json
from nomos_core.ledger.state import LedgerState
from nomos_node.storage.block_store import BlockStore, Snapshot

INTERVAL: Final = 50

_COMPRESSION: Final = 1

Compute = Callable[[Callable[[LedgerState], bytes], LedgerState], Awaitable[bytes]]


class SnapshotKeeper:
    """Writer of snapshots.

    ``last_height`` is the height of the newest snapshot on disk. 0 stands for genesis, which needs no snapshot.
    """

    def __init__(self, store: BlockStore, last_height: int = 0) -> None:
        self._store = store
        self._last_height = last_height

    async def lib_moved(self, lib: Branch[HeaderId], state: LedgerState, compute: Compute) -> None:
        """Make a snapshot if one is due. ``compute`` runs a function away from the event loop."""
        if lib.height >= self._last_height + INTERVAL:
            self._last_height = lib.height
            data = await compute(packed, state)
            await self._store.save_snapshot(Snapshot(lib.id, lib.slot, lib.height, data))


def packed(state: LedgerState) -> bytes:
    """Serialize and compress a ledger state."""
    return zlib.compress(json.dumps(state_to_json(state), separators=(",", ":")).encode(), _COMPRESSION)


def unpacked(data: bytes) -> LedgerState:
    """Read a ledger state that ``packed`` made.

    Raises:
        SnapshotError: the data is no ledger state that this version packed.
    """
    try:
        return state_from_json(json.loads(zlib.decompress(data)))
    except (zlib.error, ValueError) as error:
        raise SnapshotError(f"not a ledger snapshot: {error}") from error
