"""The blobs that a run has dispersed, and where they and their channels are on a chain of blocks.

The only sources are what was sent and the blocks: no node's own word about what it has sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import quantiles
from typing import Final

from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId, MsgId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.transactions import MantleTx
from nomos_testing.blocks.chain_history import BlockRecord

SIGNER: Final = Ed25519Key(bytes(32))
"""Executors sign with this key whatever key they are given."""
ChannelMessage = ChannelInscribe | ChannelBlob


@dataclass(frozen=True, slots=True)
class Dispersed:
    """A blob of which an executor says that all its columns are held."""

    blob: BlobId
    channel: ChannelId
    data: bytes
    executor: str
    at: float
    """Seconds of the run's monotonic clock."""
    parent: MsgId = ROOT_MSG_ID
    """The message before it in its channel."""

    def __str__(self) -> str:
        return f"blob {self.blob.hex()} ({len(self.data)} bytes, {channel_name(self.channel)}, from {self.executor})"


@dataclass(frozen=True, slots=True)
class Included:
    dispersed: Dispersed
    block: BlockRecord

    @property
    def latency(self) -> float:
        """Seconds from the end of the dispersal to the block's first sighting."""
        return max(0.0, self.block.first_seen - self.dispersed.at)


@dataclass(frozen=True, slots=True)
class BlobReport:
    inscribed: frozenset[ChannelId]
    blobs_by_channel: Mapping[ChannelId, int]
    """Counts every blob of the channels on the chain, also one whose dispersal was taken for failed."""
    included: tuple[Included, ...]
    missing: tuple[Dispersed, ...]

    @property
    def blobs(self) -> int:
        return sum(self.blobs_by_channel.values())

    @property
    def channels_with_blobs(self) -> frozenset[ChannelId]:
        return frozenset(channel for channel, count in self.blobs_by_channel.items() if count)

    def latency_percentile(self, percent: int) -> float | None:
        """None with fewer than two blobs."""
        latencies = [included.latency for included in self.included]
        return quantiles(latencies, n=100, method="inclusive")[percent - 1] if len(latencies) > 1 else None


def channel_name(channel: ChannelId) -> str:
    """``channel 0``: its number among the run's."""
    return f"channel {int.from_bytes(channel[-8:], 'big')}"


def report_blobs(
    channels: Sequence[ChannelId], dispersed: Iterable[Dispersed], chain: Iterable[BlockRecord]
) -> BlobReport:
    """Match a run's channels and blobs against one chain of blocks."""
    pending = {item.blob: item for item in dispersed}
    inscribed: set[ChannelId] = set()
    counts = dict.fromkeys(channels, 0)
    included = []
    for block in chain:
        for message in channel_messages(block):
            if channel_of(message) not in counts:
                continue
            if isinstance(message, ChannelInscribe):
                inscribed.add(message.channel_id)
                continue
            counts[message.channel] += 1
            if (found := pending.pop(message.blob, None)) is not None:
                included.append(Included(found, block))
    return BlobReport(frozenset(inscribed), counts, tuple(included), tuple(pending.values()))


def blob_transaction(blob: Dispersed, seen: Iterable[BlockRecord]) -> MantleTx:
    """The transaction that an executor made of a blob. Prices are those of another blob that was seen in a block."""
    message = ChannelBlob(blob.channel, 0, blob.blob, len(blob.data), 0, blob.parent, SIGNER.public)
    for record in seen:
        for transaction in record.block.transactions:
            match transaction.mantle_tx.operations:
                case (ChannelBlob() as like,):
                    message = replace(message, session=like.session, da_storage_gas_price=like.da_storage_gas_price)
                    return replace(transaction.mantle_tx, operations=(message,))
    return MantleTx((message,))


def place_taken(blob: Dispersed, chain: Iterable[BlockRecord]) -> str | None:
    """Why a chain can't take a blob any more; None where it can."""
    parent_is_there = blob.parent == ROOT_MSG_ID
    for block in chain:
        for message in channel_messages(block):
            if channel_of(message) != blob.channel:
                continue
            if isinstance(message, ChannelBlob) and message.parent == blob.parent:
                return f"blob {message.blob.hex()} took its place in the channel"
            parent_is_there = parent_is_there or message_id(message) == blob.parent
    return (
        None if parent_is_there else "the message before it is not on the canonical chain, so that no block can take it"
    )


def channel_messages(block: BlockRecord) -> Iterator[ChannelMessage]:
    for transaction in block.block.transactions:
        for operation in transaction.mantle_tx.operations:
            if isinstance(operation, ChannelMessage):
                yield operation


def channel_of(message: ChannelMessage) -> ChannelId:
    return message.channel_id if isinstance(message, ChannelInscribe) else message.channel
