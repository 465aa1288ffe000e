"""Chain of the node: the block tree above the last irreversible block (LIB), with a ledger state for every block.

Blocks are added one at a time. A worker checks each one (signature, proofs, ledger rules), so that the event loop stays
free. The tree changes only in the event loop. A block is announced once it is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from nomos_core.codec import CodecError
from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_validity import BlockError, verify_block
from nomos_core.cryptarchia.block_wire import block_to_wire
from nomos_core.cryptarchia.fork_choice import Branch, ForkChoice, Mode, PrunedBlocks, UnknownParentError
from nomos_core.identifiers import HeaderId
from nomos_core.ledger.consensus import EpochState, epoch_state_for_slot
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, apply_block
from nomos_node.chain.blob_sampling import blobs_of
from nomos_node.chain.rules import LedgerRules
from nomos_node.chain.snapshots import SnapshotKeeper
from nomos_node.network.broadcast import Broadcast
from nomos_node.storage.block_store import BlockStore, ChainPosition, StoredBlock
from nomos_node.telemetry.instruments import Counter
from nomos_node.telemetry.levels import TRACE
from nomos_node.time.monotonic import monotonic
from nomos_node.workers import Worker

_log = logging.getLogger("nomos_consensus")
P = ParamSpec("P")
T = TypeVar("T")

HEADERS_LIMIT: Final = 512


class BlockRejected(Exception):
    """Error: the block breaks a rule. The message says which. The tree is unchanged."""


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """Position of the chain."""

    lib: HeaderId
    tip: HeaderId
    slot: int
    """Slot of the tip, not of the clock."""
    height: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class LibUpdate:
    """Move of the LIB."""

    height: int
    header_id: HeaderId


class Chain:
    """Block tree, made by ``recovery.open_chain``.

    ``new_blocks`` announces every block added, ``lib_updates`` every move of the LIB. ``now`` is the wall clock, in
    seconds of the Unix epoch. ``worker`` has one thread and is closed with the chain.
    """

    def __init__(
        self,
        *,
        genesis: HeaderId,
        forks: ForkChoice[HeaderId],
        states: dict[HeaderId, LedgerState],
        rules: LedgerRules,
        store: BlockStore,
        snapshots: SnapshotKeeper,
        now: Callable[[], float],
        worker: Worker,
    ) -> None:
        self.genesis = genesis
        self.rules = rules
        self.new_blocks: Broadcast[Block] = Broadcast()
        self.lib_updates: Broadcast[LibUpdate] = Broadcast()
        self.processed_blocks, self.processed_transactions = Counter(), Counter()
        self._forks = forks
        self._states = states
        self._store = store
        self._snapshots = snapshots
        self._adding = asyncio.Lock()
        self._now = now
        self._worker = worker

    def close(self) -> None:
        self.new_blocks.close()
        self.lib_updates.close()
        self._worker.close()

    @property
    def tip(self) -> Branch[HeaderId]:
        return self._forks.tip

    @property
    def lib(self) -> Branch[HeaderId]:
        return self._forks.lib

    @property
    def mode(self) -> Mode:
        return self._forks.mode

    def __contains__(self, block: object) -> bool:
        return block in self._states

    def info(self) -> ChainInfo:
        tip = self._forks.tip
        return ChainInfo(self._forks.lib.id, tip.id, tip.slot, tip.height, self._forks.mode)

    def branch(self, block: HeaderId) -> Branch[HeaderId] | None:
        return self._forks.branch(block)

    def state(self, block: HeaderId) -> LedgerState | None:
        """Return the ledger after a block at or above the LIB."""
        return self._states.get(block)

    def tip_state(self) -> LedgerState:
        return self._states[self._forks.tip.id]

    def epoch_state(self, slot: int) -> EpochState | None:
        """Return the state for the lottery of a slot on top of the tip. None for slots beyond the tip's next epoch."""
        return epoch_state_for_slot(self.tip_state(), slot, self.rules.config)

    def headers(self, first: HeaderId | None = None, last: HeaderId | None = None) -> list[HeaderId]:
        """Return ids from ``first`` (or the tip) back to ``last`` or the LIB, at most ``HEADERS_LIMIT``.

        The list is empty when ``first`` is unknown.
        """
        branch = self._forks.tip if first is None else self._forks.branch(first)
        ids: list[HeaderId] = []
        for ancestor in self._forks.ancestors(branch) if branch else ():
            ids.append(ancestor.id)
            if ancestor.id in {last, self._forks.lib.id} or len(ids) == HEADERS_LIMIT:
                break
        return ids

    def common_ancestor(self, one: Branch[HeaderId], other: Branch[HeaderId]) -> Branch[HeaderId]:
        return self._forks.lowest_common_ancestor(one, other)

    def path(self, ancestor: Branch[HeaderId], descendant: Branch[HeaderId]) -> list[Branch[HeaderId]]:
        """Return the blocks after ``ancestor`` up to and including ``descendant``, oldest first."""
        return self._forks.path(ancestor, descendant)

    async def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ledger work in the worker, after the work that waits there already."""
        return await self._worker.run(function, *args, **kwargs)

    async def add_block(self, block: Block) -> bool:
        """Add a valid block and choose the tip again. Return False when the block was known.

        Raises:
            UnknownParentError: the parent is not in the tree.
            BlockRejected: the block breaks a rule.
            StorageError: it can't be put on disk.
        """
        async with self._adding:
            if block.id in self._states:
                return False
            parent = self._states.get(block.header.parent)
            if parent is None:
                _log.debug("orphan block 0x%s: its parent 0x%s is unknown", block.id.hex(), block.header.parent.hex())
                raise UnknownParentError(block.header.parent)
            began = monotonic()
            try:
                state, wire = await self.compute(_checked, parent, block, self.rules)
            except BlockRejected as error:
                _log.debug("rejected block 0x%s of slot %d: %s", block.id.hex(), block.header.slot, error)
                raise
            _log.log(TRACE, "block 0x%s is %d bytes", block.id.hex(), len(wire))
            await self._take(block, state, wire)
            _log.debug(
                "accepted block 0x%s of slot %d on 0x%s: %d transactions, checked and stored in %.1f ms",
                block.id.hex(),
                block.header.slot,
                block.header.parent.hex(),
                len(block.transactions),
                (monotonic() - began) * 1000,
            )
        self.processed_blocks.add()
        self.processed_transactions.add(len(block.transactions))
        self.new_blocks.publish(block)
        return True

    async def go_online(self) -> None:
        """Leave the bootstrapping mode: from now on the LIB follows the tip."""
        async with self._adding:
            pruned = self._forks.go_online()
            self._drop_states(pruned)
            _log.info("the chain is Online: the last irreversible block is at height %d", self._forks.lib.height)
            await self._record(pruned)

    async def record_position(self) -> None:
        """Record on disk that the node is alive. A restart counts from then how long the node was offline."""
        async with self._adding:
            await self._record(PrunedBlocks())

    def restore(self, stored: StoredBlock, state: LedgerState) -> None:
        """Put a block from the database back into the tree, with the ledger after it."""
        self._states[stored.id] = state
        self._drop_states(self._forks.receive_block(stored.id, stored.parent, stored.slot))

    async def _take(self, block: Block, state: LedgerState, wire: bytes) -> None:
        previous_lib, previous_tip = self._forks.lib, self._forks.tip
        meeting = self._forks.lowest_common_ancestor(previous_tip, self._parent_of(block))
        pruned = self._forks.receive_block(block.id, block.header.parent, block.header.slot)
        self._log_tip(block, previous_tip, meeting)
        self._states[block.id] = state
        self._drop_states(pruned)
        height = self._states[block.id].block_number
        stored = StoredBlock(block.id, block.header.parent, block.header.slot, height, wire)
        await self._record(pruned, stored)
        if self._forks.lib.id != previous_lib.id:
            _log.debug("block 0x%s at height %d is irreversible", self._forks.lib.id.hex(), self._forks.lib.height)
            self.lib_updates.publish(LibUpdate(self._forks.lib.height, self._forks.lib.id))
            await self._snapshots.lib_moved(self._forks.lib, self._states[self._forks.lib.id], self.compute)

    def _parent_of(self, block: Block) -> Branch[HeaderId]:
        parent = self._forks.branch(block.header.parent)
        if parent is None:
            raise UnknownParentError(block.header.parent)
        return parent

    def _log_tip(self, block: Block, before: Branch[HeaderId], meeting: Branch[HeaderId]) -> None:
        """Log the effect of a new block on the tip. ``meeting`` is the last block that its chain shares with the old
        tip's.
        """
        tip = self._forks.tip
        if tip.id == before.id:
            _log.debug(
                "block 0x%s stays on a fork that begins at height %d: the tip is 0x%s at height %d",
                block.id.hex(),
                meeting.height,
                tip.id.hex(),
                tip.height,
            )
            return
        if meeting.id != before.id:
            _log.info(
                "reorganisation: %d blocks after height %d, slot %d, give way to %d others",
                before.height - meeting.height,
                meeting.height,
                meeting.slot,
                tip.height - meeting.height,
            )
        _log.info(
            "the tip is block 0x%s of slot %d, height %d, %d transactions",
            tip.id.hex(),
            tip.slot,
            tip.height,
            len(block.transactions),
        )
        for blob in blobs_of(block.transactions):
            _log.info("block 0x%s holds blob %s", block.id.hex(), blob.hex())

    async def _record(self, pruned: PrunedBlocks[HeaderId], block: StoredBlock | None = None) -> None:
        position = ChainPosition(self.genesis, self._forks.tip.id, self._forks.lib.id, self._forks.mode)
        await self._store.record(position, self._now(), block=block, immutable=pruned.immutable, stale=pruned.stale)

    def _drop_states(self, pruned: PrunedBlocks[HeaderId]) -> None:
        for stale in pruned.stale:
            del self._states[stale]
        for branch in pruned.immutable:
            del self._states[branch.id]
        if pruned.stale:
            _log.debug("Pruned %d blocks of old forks and their ledger states.", len(pruned.stale))


def _checked(parent: LedgerState, block: Block, rules: LedgerRules) -> tuple[LedgerState, bytes]:
    """Check a block. Return the ledger after it, and its wire form."""
    try:
        verify_block(block)
        return apply_block(parent, block, rules.config, rules.prover), block_to_wire(block)
    except (BlockError, LedgerError, CodecError) as error:
        raise BlockRejected(str(error)) from error
