"""Interface from the chain to data availability: which blobs were sampled, so that blocks may contain them.

A recent block is refused when one of its blobs was not sampled. Blocks older than half a base period are accepted
without sampling, because their blobs may have been pruned.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Protocol

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import BlobId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.transactions import SignedMantleTx


class BlobSampling(Protocol):
    """Source of the answer whether blobs are available."""

    def validated_blobs(self) -> Set[BlobId]:
        """Return the blobs that were sampled. Blocks may contain these."""
        ...

    def proposable_blobs(self) -> Set[BlobId]:
        """Return the validated blobs that the other nodes have had time to sample too."""
        ...

    async def samples_all(self, block: Block, blobs: Set[BlobId]) -> bool:
        """Return whether all blobs of a block from the past can be sampled now."""
        ...

    def mark_in_block(self, blobs: Set[BlobId]) -> None:
        """Note that the blobs are in a block."""


class NoSampling:
    """Sampling of a node without data availability: no blob is ever available."""

    def validated_blobs(self) -> Set[BlobId]:
        return frozenset()

    def proposable_blobs(self) -> Set[BlobId]:
        return frozenset()

    async def samples_all(self, block: Block, blobs: Set[BlobId]) -> bool:
        return not blobs

    def mark_in_block(self, blobs: Set[BlobId]) -> None:
        pass


def blobs_of(transactions: Iterable[SignedMantleTx]) -> Set[BlobId]:
    """Return the blobs that the transactions name, each once, in their order."""
    return dict.fromkeys(
        operation.blob
        for transaction in transactions
        for operation in transaction.mantle_tx.operations
        if isinstance(operation, ChannelBlob)
    ).keys()
