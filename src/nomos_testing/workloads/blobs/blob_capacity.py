"""How many blobs a network can carry: how long a channel takes for one, and how many channels a rate needs.

A channel disperses a blob once the one before it is in a block. Nodes then wait for the sampling delay before they
sample it, and the next block takes it. So a channel carries one blob in a whole number of slots, and only more channels
carry more.

The measured numbers come from the journals of runs of embedded nodes on two cores (20 s with slots of 0.5, 1 and 2 s,
delays of 0.5, 2 and 2 s, 64 blobs): a blob came every 1.0, 3.0 and 4.0 s in each channel, at most 0.2 s more. With
three nodes, one dispersal at a time and slots of 1 s it came every 3.2 s, at most 3.8 s (four channels, 56 blobs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

from nomos_testing.configgen.options import slot_scale
from nomos_testing.runtime.plan import RunPlan

DISPERSAL_SECONDS: Final = 0.07
"""An executor took 0.05 to 0.07 s for a dispersal on average, 0.13 s at most."""
IN_FLIGHT_SECONDS: Final = 0.3
"""What a blob takes beside the sampling delay: the sighting of the block before it (a look lasts up to an eighth of a
slot), its dispersal, the gossip of its transaction, the samples, for which the nodes of a small network stagger."""
PROPOSAL_MARGIN: Final = 0.25
"""An embedded node proposes a blob only so much of the sampling delay after its samples, so that others have it."""
SERIAL_NODES: Final = 3
"""From so many nodes on one blob is dispersed at a time. Real nodes drop a sampling stream without a word where the
peer's queue is full, which happens when several nodes sample several blobs in the same milliseconds. Two nodes have one
peer each."""
DISPERSAL_INTERVAL: Final = 0.3
"""Seconds between two dispersals then, for slots of a second or more. With it real nodes lost one sampling of 607,
without it eight of 96."""


@dataclass(frozen=True, slots=True)
class BlobTiming:
    """Seconds of a network; ``between`` is 0 where channels disperse at the same time."""

    slot: float
    active_slot_coeff: float
    delay: float
    """From a blob's transaction to its first sample."""
    between: float
    """From one dispersal's end to the next one's start, over all channels."""

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
        """The time that one dispersal takes from all channels; 0 where they don't wait for each other."""
        return self.between + DISPERSAL_SECONDS if self.between else 0.0

    @property
    def limit(self) -> float:
        """Blobs a second that no number of channels exceeds."""
        return 1 / self.turn if self.turn else math.inf

    def queue(self, channels: int) -> float:
        """Seconds that a channel waits for its turn on average: half of the others are before it."""
        return (channels - 1) / 2 * self.turn

    def per_blob(self, channels: int) -> float:
        """Seconds from a channel's blob in a block to the next one, where ``channels`` share the network."""
        ready = self.delay * (1 + PROPOSAL_MARGIN) + IN_FLIGHT_SECONDS + self.queue(channels)
        slots = math.ceil(ready / self.slot)
        return (slots - 1 + 1 / self.active_slot_coeff) * self.slot

    def rate(self, channels: int) -> float:
        """Blobs a second that so many channels carry."""
        return min(channels / self.per_blob(channels), self.limit)

    def channels_for(self, rate: float) -> int | None:
        """The fewest channels that carry ``rate`` blobs a second; None where no number does."""
        if rate >= self.limit:
            return None
        channels = max(1, math.ceil(rate * self.per_blob(1)))
        while self.rate(channels) < rate:
            channels += 1
        return channels

    def capacity(self, channels: int, seconds: float) -> int:
        """Blobs that come into blocks within ``seconds`` at best, where no channel waits for its turn.

        The inscriptions take two blocks of that time.
        """
        left = max(0.0, seconds - 2 * self.slot / self.active_slot_coeff)
        carried = channels * int(left / self.per_blob(1))
        return min(carried, int(left / self.turn)) if self.turn else carried
