"""What the data availability workload and its expectations write into the journal. Ids are the protocol's hex."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("channel_inscribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInscribed:
    """A channel's first message is in a block."""

    channel: str
    block: str
    seconds: float
    """Since it was sent."""


@journal_event("blob_dispersed")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobDispersed:
    """An executor says that every column of a blob is held."""

    blob: str
    channel: str
    size: int
    node: str
    seconds: float
    """What the dispersal took."""


@journal_event("blob_overdue")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobOverdue:
    """A blob is in no block long after its dispersal. Another one takes its place in the channel."""

    blob: str
    channel: str
    node: str
    seconds: float
    reason: str


@journal_event("blobs_finished")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsFinished:
    """The workload ended, or was stopped."""

    planned: int
    dispersed: int
    overdue: int


@journal_event("blob_included")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobIncluded:
    """A blob is named on the canonical chain at the end of the run."""

    blob: str
    channel: str
    block: str
    height: int
    slot: int
    latency_seconds: float
    """From the end of its dispersal to the first sighting of the block."""


@journal_event("blobs_judged")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsJudged:
    channels: int
    inscribed: int
    dispersed: int
    included: int
    expected: int
    required: int
    latency_p50_seconds: float | None = None
    latency_p99_seconds: float | None = None


@journal_event("blob_verified")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobVerified:
    """A blob was fetched from the network and compared with what had been sent."""

    blob: str
    size: int
    sources: tuple[str, ...]
    """The nodes the columns came from."""
    problem: str | None = None
    """None where every byte is as it was sent."""
