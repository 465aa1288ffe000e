"""Intake of blocks from peers: check the blobs, add the block to the chain, tell the mempool."""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from enum import Enum, auto

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import BlobId
from nomos_node.chain.blob_sampling import BlobSampling, blobs_of
from nomos_node.chain.chain import BlockRejected, Chain
from nomos_node.mempool.mempool import Mempool
from nomos_node.telemetry.traces import NO_TRACES, Tracer, about_block

_log = logging.getLogger("nomos_consensus")


class Origin(Enum):
    """Way on which a block came."""

    GOSSIP = auto()
    """A block that was just proposed: its blobs must have been sampled already."""
    SYNC = auto()
    """A block that was downloaded: its blobs are sampled now."""


class BlockIntake:
    """Intake of blocks. ``current_slot`` gives the slot of the wall clock."""

    def __init__(
        self,
        chain: Chain,
        mempool: Mempool,
        sampling: BlobSampling,
        current_slot: Callable[[], int],
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._chain = chain
        self._mempool = mempool
        self._sampling = sampling
        self._current_slot = current_slot
        self._tracer = tracer

    async def take(self, block: Block, origin: Origin) -> bool:
        """Add a block. Return False when it was known.

        Raises:
            UnknownParentError, BlockRejected, StorageError: as ``Chain.add_block``.
        """
        if block.id in self._chain:
            _log.debug("block 0x%s is known already", block.id.hex())
            return False
        with self._tracer.span("block.validation", about_block(block.id)) as span:
            span.note(slot=block.header.slot, transactions=len(block.transactions), origin=origin.name.lower())
            await self._check_blobs(block, origin)
            added = await self._chain.add_block(block)
        await self._mempool.mark_in_block(block.transactions, block.id)
        self._sampling.mark_in_block(blobs_of(block.transactions))
        return added

    async def _check_blobs(self, block: Block, origin: Origin) -> None:
        blobs = blobs_of(block.transactions)
        if not blobs or not self._blobs_matter(block.header.slot):
            return
        unsampled: Set[BlobId]
        if origin is Origin.GOSSIP:
            unsampled = blobs - self._sampling.validated_blobs()
        else:
            unsampled = set() if await self._sampling.samples_all(block, blobs) else blobs
        if unsampled:
            names = ", ".join(sorted(blob.hex() for blob in unsampled))
            _log.debug("rejected block 0x%s: not sampled here: %s", block.id.hex(), names)
            raise BlockRejected("Block contains invalid blobs")

    def _blobs_matter(self, slot: int) -> bool:
        window = self._chain.rules.config.consensus_config.base_period_length // 2
        return self._current_slot() - slot <= window
