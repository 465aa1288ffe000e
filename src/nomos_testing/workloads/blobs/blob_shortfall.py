"""Why a run dispersed and included no more blobs than it did, from what its channels waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final, Protocol

from nomos_testing.workloads.blobs.channel_progress import ChannelProgress
from nomos_testing.workloads.blobs.dispersed_blobs import BlobReport, Dispersed, channel_name

_CHANNELS_SHOWN: Final = 4


class _Disperser(Protocol):
    @property
    def planned(self) -> int: ...
    @property
    def dispersed(self) -> Sequence[Dispersed]: ...
    @property
    def progress(self) -> Sequence[ChannelProgress]: ...


def why_not_more(disperser: _Disperser, report: BlobReport, started: float) -> Iterator[str]:
    """Sentences about a whole run; ``started`` is its beginning in seconds of the monotonic clock."""
    channels = disperser.progress
    yield f"{disperser.planned} were planned, {len(disperser.dispersed)} dispersed, {report.blobs} are in blocks"
    waits = [seconds for channel in channels for seconds in channel.waits]
    if waits:
        yield (
            f"a channel disperses a blob once the one before it is in a block: that took {fmean(waits):.1f} s a blob "
            f"on average, {max(waits):.1f} s at most"
        )
    yield from _shown([_waiting(channel, waiting, started) for channel in channels if (waiting := channel.waiting_for)])
    without = [channel for channel in channels if channel.channel not in report.inscribed]
    yield from _shown([f"{channel_name(channel.channel)} is not inscribed" for channel in without])
    if failures := [channel for channel in channels if channel.failures]:
        count = sum(channel.failures for channel in failures)
        last = failures[-1]
        yield (
            f"{count} dispersal{'s' * (count != 1)} failed, the last one of {channel_name(last.channel)} with: "
            f"{last.last_failure}"
        )
    if left := sum(channel.left for channel in channels):
        yield f"the chain left the last message of a channel {left} time{'s' * (left != 1)}"


def _waiting(channel: ChannelProgress, blob: Dispersed, started: float) -> str:
    return f"{channel_name(channel.channel)} waits for blob {blob.blob.hex()} since second {blob.at - started:.1f}"


def _shown(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_CHANNELS_SHOWN]
    if (hidden := len(lines) - _CHANNELS_SHOWN) > 0:
        yield f"... and {hidden} more channel{'s' * (hidden != 1)}"
