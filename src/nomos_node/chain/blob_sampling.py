"""What the chain asks of data availability: which blobs were sampled, so that blocks may carry them.

A block in whose slot blobs still have to be checked is refused when one of its blobs was not sampled. Blocks older than
half a base period are taken without: their blobs may be gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Protocol

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import BlobId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.transactions import SignedMantleTx


class BlobSampling(Protocol):
    def validated_blobs(self) -> Set[BlobId]:
        """The blobs that were sampled: blocks may hold these."""
        ...

    def proposable_blobs(self) -> Set[BlobId]:
        """Those of the validated ones that the other nodes have had the time to sample, too."""
        ...

    async def samples_all(self, block: Block, blobs: Set[BlobId]) -> bool:
        """Whether all blobs of a block from the past can be sampled now."""
        ...

    def mark_in_block(self, blobs: Set[BlobId]) -> None: ...


class NoSampling:
    """The node without data availability: no blob is ever known to be available."""

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
