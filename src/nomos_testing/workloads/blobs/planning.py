"""The number of channels and blobs of a run, their content, and how many must be in blocks.

The workload and its expectation share these formulas, which come from the original framework. Two things are new: the
number of channels if none is given, and that a run plans and expects no more than its network can carry.

A channel disperses a blob once the blob before it is in a block. Nodes then wait for the sampling delay before they
sample it, and the next block includes it. So a channel carries one blob in a whole number of slots, and a higher rate
needs more channels.

The measured numbers come from the journals of runs of embedded nodes on two cores (20 s with slots of 0.5, 1 and 2 s,
delays of 0.5, 2 and 2 s, 64 blobs): a blob came every 1.0, 3.0 and 4.0 s in each channel, at most 0.2 s more. With
three nodes, one dispersal at a time and slots of 1 s it came every 3.2 s, at most 3.8 s (four channels, 56 blobs).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Self

from nomos_core.da.encoding import DATA_CHUNK_BYTES
from nomos_core.identifiers import ChannelId
from nomos_testing.configgen.options import slot_scale
from nomos_testing.runtime.plan import RunPlan

DISPERSAL_SECONDS: Final = 0.07
"""Measured: 0.05 to 0.07 s for a dispersal on average, 0.13 s at most."""
IN_FLIGHT_SECONDS: Final = 0.3
"""Time of a blob apart from the sampling delay: seeing the block before it (the feed asks every eighth of a slot), its
dispersal, the gossip of its transaction, and the samples, which the nodes of a small network take one after another."""
PROPOSAL_MARGIN: Final = 0.25
"""An embedded node waits this fraction of the sampling delay between its samples and its proposal of a blob, so that
other nodes have sampled the blob, too."""
SERIAL_NODES: Final = 3
"""In networks of this many nodes or more, one blob is dispersed at a time. A real node silently drops a sampling stream
if the peer's queue is full. This happens when several nodes sample several blobs in the same milliseconds. In a network
of two, each node has only one peer."""
DISPERSAL_INTERVAL: Final = 0.3
"""Seconds between two such dispersals, for slots of one second or more. Measured on real nodes: with it one sampling of
607 was lost, without it eight of 96."""


@dataclass(frozen=True, slots=True)
class BlobTiming:
    """The durations that limit a network's rate of blobs, in seconds."""

    slot: float
    active_slot_coeff: float
    delay: float
    """From a blob's transaction to its first sample."""
    between: float
    """From the end of a dispersal to the start of the next, over all channels; 0 if channels disperse at once."""

    @classmethod
    def of(cls, plan: RunPlan) -> Self:
        slot = plan.metrics.slot_duration or plan.topology.slot_duration
        scale = slot_scale(slot)
        return cls(
            slot=slot,
            active_slot_coeff=min(plan.metrics.active_slot_coeff, 1.0),
            delay=plan.topology.da.sampling_delay * scale,
            between=DISPERSAL_INTERVAL * scale if plan.topology.node_count >= SERIAL_NODES else 0.0,
        )

    @property
    def turn(self) -> float:
        """Seconds for which a dispersal blocks the other channels. 0 if channels do not wait for each other."""
        return self.between + DISPERSAL_SECONDS if self.between else 0.0

    @property
    def limit(self) -> float:
        """The highest rate, in blobs a second, for any number of channels."""
        return 1 / self.turn if self.turn else math.inf

    def queue(self, channels: int) -> float:
        """Return the seconds that a channel waits for its turn on average, behind half of the other channels."""
        return (channels - 1) / 2 * self.turn

    def per_blob(self, channels: int) -> float:
        """Return the seconds from one included blob of a channel to the next, if ``channels`` share the network."""
        ready = self.delay * (1 + PROPOSAL_MARGIN) + IN_FLIGHT_SECONDS + self.queue(channels)
        slots = math.ceil(ready / self.slot)
        return (slots - 1 + 1 / self.active_slot_coeff) * self.slot

    def rate(self, channels: int) -> float:
        """Return the blobs a second that ``channels`` channels carry."""
        return min(channels / self.per_blob(channels), self.limit)

    def channels_for(self, rate: float) -> int | None:
        """Return the fewest channels that carry ``rate`` blobs a second, or None if no number does."""
        if rate >= self.limit:
            return None
        channels = max(1, math.ceil(rate * self.per_blob(1)))
        while self.rate(channels) < rate:
            channels += 1
        return channels

    def capacity(self, channels: int, seconds: float) -> int:
        """Return the most blobs that reach blocks within ``seconds``, if no channel waits for its turn.

        The inscriptions take the time of two blocks.
        """
        left = max(0.0, seconds - 2 * self.slot / self.active_slot_coeff)
        carried = channels * int(left / self.per_blob(1))
        return min(carried, int(left / self.turn)) if self.turn else carried


MIN_INSCRIPTION_RATIO: Final = 0.8
MIN_BLOB_RATIO: Final = 0.55
DEFAULT_HEADROOM_PERCENT: Final = 20
"""Added to a given channel rate."""
PAYLOAD_CHUNKS: Final = (1, 2, 4, 8)
"""The real encoder accepts only a power of two."""
_CHANNEL_PREFIX: Final = b"chn_wrkd"
_INDEX_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class BlobPlan:
    """The channels and blobs of a run."""

    channels: tuple[ChannelId, ...]
    per_channel: int
    """Blobs that each channel gets, one after the other."""
    wanted: int
    """Blobs that the rate asks for in the run's duration. ``planned`` rounds this up to whole blobs a channel."""
    capacity: int
    """The most blobs that a healthy network includes until the end of the cooldown."""
    timing: BlobTiming

    @property
    def planned(self) -> int:
        return len(self.channels) * self.per_channel

    def sentences(self) -> Sequence[str]:
        """Describe the plan in sentences."""
        timing, count = self.timing, len(self.channels)
        slots = timing.per_blob(count) / timing.slot
        carried = timing.rate(count) * timing.slot
        expected = min(self.wanted, self.capacity)
        lines = [
            f"{self.planned} blobs over {_counted(count, 'channel')}, {required_blobs(expected)} of them must be in "
            f"blocks: {MIN_BLOB_RATIO:.0%} of {expected}",
            f"a channel carries a blob in {slots:.1f} slots of {timing.slot:g} s: {_waits(timing, count)}, then the "
            f"next block; {_counted(count, 'channel')} carry {carried:.2f} blobs a slot, at most {self.capacity} "
            f"until the cooldown's end",
        ]
        if timing.between:
            lines.append(
                f"one blob is dispersed at a time, {timing.between:g} s apart: at most "
                f"{timing.limit * timing.slot:.1f} a slot"
            )
        if self.capacity < self.wanted:
            lines.append(f"the rate asks for {self.wanted} blobs, more than these channels carry")
        return lines


def planned_channels(rate: int, headroom_percent: int) -> int:
    """Return ``rate`` channels plus the headroom, rounded up: 2 for a rate of 1 and 20 %."""
    return max(1, rate + (rate * headroom_percent + 99) // 100)


def channel_id(index: int) -> ChannelId:
    """Return ``chn_wrkd``, zeros, and the index in 8 bytes, big-endian. Every run has the same ids."""
    return ChannelId(_CHANNEL_PREFIX.ljust(32 - _INDEX_BYTES, b"\0") + index.to_bytes(_INDEX_BYTES, "big"))


def blob_plan(
    plan: RunPlan, *, blob_rate: int, channel_rate: int | None = None, headroom_percent: int | None = None
) -> BlobPlan:
    """Plan ``blob_rate`` blobs for each expected block, spread over the channels, at least one for each channel.

    Without a ``channel_rate`` there are as many channels as the rate needs, and no headroom by default.

    Raises:
        ValueError: the network cannot carry the blobs that must be in blocks. The text has the numbers.
    """
    timing = BlobTiming.of(plan)
    wanted = blob_rate * max(1, plan.metrics.expected_blocks)
    if channel_rate is None:
        channels = planned_channels(_channels_for(timing, blob_rate), headroom_percent or 0)
    else:
        headroom = DEFAULT_HEADROOM_PERCENT if headroom_percent is None else headroom_percent
        channels = planned_channels(channel_rate, headroom)
    seconds = plan.metrics.run_duration + plan.metrics.cooldown(node_control=plan.node_control)
    capacity = timing.capacity(channels, seconds)
    if capacity < required_blobs(wanted):
        raise ValueError(_too_little(timing, channels, capacity, wanted, is_given=channel_rate is not None))
    return BlobPlan(
        tuple(map(channel_id, range(channels))),
        per_channel=max(1, -(-wanted // channels)),
        wanted=wanted,
        capacity=capacity,
        timing=timing,
    )


def _channels_for(timing: BlobTiming, blob_rate: int) -> int:
    per_second = blob_rate * timing.active_slot_coeff / timing.slot
    channels = timing.channels_for(per_second)
    if channels is None:
        a_block = timing.limit * timing.slot / timing.active_slot_coeff
        raise ValueError(
            f"no number of channels carries {_counted(blob_rate, 'blob')} a block with slots of {timing.slot:g} s: one "
            f"blob is dispersed at a time, and each takes {timing.turn:.2f} s, so that a block gets at most "
            f"{a_block:.1f} blobs; lower blob_rate or take longer slots"
        )
    return channels


def _too_little(timing: BlobTiming, channels: int, capacity: int, wanted: int, *, is_given: bool) -> str:
    per_slot = min(channels / timing.per_blob(1), timing.limit) * timing.slot
    remedy = "leave channel_rate out for as many channels as the rate needs, " if is_given else ""
    return (
        f"{_counted(channels, 'channel')} carry {capacity} blobs until the cooldown's end, and "
        f"{required_blobs(wanted)} of {wanted} must be in blocks: a channel carries a blob in "
        f"{timing.per_blob(1):.1f} s ({_waits(timing, 1)}, then the next block), which makes at most "
        f"{per_slot:.2f} blobs a slot of {timing.slot:g} s; {remedy}lower blob_rate, or run longer"
    )


def _waits(timing: BlobTiming, channels: int) -> str:
    sampled = timing.delay * (1 + PROPOSAL_MARGIN)
    queue = timing.queue(channels)
    turn = f"{queue:.2f} s for its turn, " if queue else ""
    return f"{turn}{sampled:.2f} s until it is sampled and proposed, {IN_FLIGHT_SECONDS:g} s under way"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def required_inscriptions(channels: int) -> int:
    return math.ceil(channels * MIN_INSCRIPTION_RATIO)


def expected_blobs(blob_rate: int, *, observed_blocks: int, expected_blocks: int, capacity: int) -> int:
    """Return ``blob_rate`` for each observed block, at most for the expected blocks.

    The result is at least one, and at most what the network can carry.
    """
    blocks = max(1, min(observed_blocks, max(1, expected_blocks)))
    return max(1, min(blob_rate * blocks, capacity))


def required_blobs(expected: int) -> int:
    return math.ceil(expected * MIN_BLOB_RATIO)


def random_payload(rng: Random) -> bytes:
    """Draw 31, 62, 124 or 248 random bytes."""
    return rng.randbytes(DATA_CHUNK_BYTES * rng.choice(PAYLOAD_CHUNKS))
