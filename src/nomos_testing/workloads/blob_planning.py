"""How many channels and blobs a run has, what goes into them, and how much of it must be seen in blocks.

The formulas are the original framework's: shared by the workload and by what is expected of it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

from nomos_core.da.encoding import DATA_CHUNK_BYTES
from nomos_core.identifiers import ChannelId
from nomos_testing.scenario.metrics import RunMetrics

MIN_INSCRIPTION_RATIO: Final = 0.8
MIN_BLOB_RATIO: Final = 0.55
PAYLOAD_CHUNKS: Final = (1, 2, 4, 8)
"""The real encoder takes only such lengths: it needs a power of two."""
_CHANNEL_PREFIX: Final = b"chn_wrkd"
_INDEX_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class BlobPlan:
    channels: tuple[ChannelId, ...]
    per_channel: int
    """Blobs that each channel is to get, one after the other."""

    @property
    def planned(self) -> int:
        return len(self.channels) * self.per_channel


def planned_channels(rate: int, headroom_percent: int) -> int:
    """``rate`` channels and a headroom, rounded up: 2 with the defaults of 1 and 20 %."""
    return max(1, rate + (rate * headroom_percent + 99) // 100)


def channel_id(index: int) -> ChannelId:
    """The same ids in every run: ``chn_wrkd``, zeros, and the index in 8 bytes, big-endian."""
    return ChannelId(_CHANNEL_PREFIX.ljust(32 - _INDEX_BYTES, b"\0") + index.to_bytes(_INDEX_BYTES, "big"))


def blob_plan(metrics: RunMetrics, *, blob_rate: int, channel_rate: int, headroom_percent: int) -> BlobPlan:
    """Plan ``blob_rate`` blobs a block that is to be expected, spread over the channels, at least one for each."""
    channels = planned_channels(channel_rate, headroom_percent)
    blobs = blob_rate * max(1, metrics.expected_blocks)
    return BlobPlan(tuple(map(channel_id, range(channels))), max(1, -(-blobs // channels)))


def required_inscriptions(channels: int) -> int:
    return math.ceil(channels * MIN_INSCRIPTION_RATIO)


def expected_blobs(blob_rate: int, *, observed_blocks: int, expected_blocks: int) -> int:
    """``blob_rate`` for each block of the run's duration, or for as many as were to be expected."""
    return blob_rate * max(1, min(max(1, observed_blocks), max(1, expected_blocks)))


def required_blobs(expected: int) -> int:
    return math.ceil(expected * MIN_BLOB_RATIO)


def random_payload(rng: random.Random) -> bytes:
    """31, 62, 124 or 248 random bytes."""
    return rng.randbytes(DATA_CHUNK_BYTES * rng.choice(PAYLOAD_CHUNKS))
