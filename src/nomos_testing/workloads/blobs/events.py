"""Events that the data availability workload and its expectations write into the journal. Ids are in hex."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("channel_inscribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInscribed:
    """The first message of a channel is in a block."""

    channel: str
    """Id of the channel."""
    block: str
    """Id of the block."""
    seconds: float
    """Seconds since the message was sent."""


@journal_event("blob_dispersed")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobDispersed:
    """An executor reports that every column of a blob is stored."""

    blob: str
    """Id of the blob."""
    channel: str
    """Id of the channel."""
    size: int
    """Bytes of data."""
    node: str
    """Name of the executor."""
    seconds: float
    """Seconds that the dispersal took."""


@journal_event("blob_overdue")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobOverdue:
    """A blob is in no block long after its dispersal. Another blob takes its place in the channel."""

    blob: str
    """Id of the blob."""
    channel: str
    """Id of the channel."""
    node: str
    """Name of the executor that dispersed it."""
    seconds: float
    """Seconds since the end of the dispersal."""
    reason: str
    """Answers of the nodes about the blob: the missing column and its holders."""


@journal_event("blobs_finished")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsFinished:
    """The workload of blobs finished or was stopped."""

    planned: int
    """Blobs that were planned."""
    dispersed: int
    """Blobs that were dispersed."""
    overdue: int
    """Blobs that were replaced because no block contained them in time."""


@journal_event("blob_included")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobIncluded:
    """A blob is in a block of the canonical chain at the end of the run."""

    blob: str
    """Id of the blob."""
    channel: str
    """Id of the channel."""
    block: str
    """Id of the block."""
    height: int
    """Height of the block."""
    slot: int
    """Slot of the block."""
    latency_seconds: float
    """Seconds from the end of the dispersal until a node first showed the block."""


@journal_event("blobs_judged")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsJudged:
    """The inclusion of blobs was judged."""

    channels: int
    """Channels that were used."""
    inscribed: int
    """Channels whose first message is in a block."""
    dispersed: int
    """Blobs that were dispersed."""
    included: int
    """Blobs on the canonical chain."""
    expected: int
    """Blobs that the plan expects."""
    required: int
    """Blobs that had to be included."""
    latency_p50_seconds: float | None = None
    """Median of ``latency_seconds``."""
    latency_p99_seconds: float | None = None
    """99th percentile of ``latency_seconds``."""


@journal_event("blob_verified")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobVerified:
    """A blob was fetched from the network and compared with the data that was sent."""

    blob: str
    """Id of the blob."""
    size: int
    """Bytes of data."""
    sources: tuple[str, ...]
    """Names of the nodes that served the columns."""
    problem: str | None = None
    """How the data differs, or why it could not be fetched; None if every byte is equal."""
