"""The state of one link: when each packet leaves for its target, or that it never does.

The order of effects is: cut, loss, duplication, bandwidth (with a queue), delay. Jitter does not change the order of
packets, as in a real queue. Only packets that ``reorder`` holds back are overtaken.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from random import Random
from typing import Final

from nomos_testing.cluster.link_effects import NO_EFFECT, LinkEffect
from nomos_testing.cluster.links import Link

QUEUE_SECONDS: Final = 0.5
"""The longest queue in front of a link of limited bandwidth, as the time that it takes to send."""
SMALLEST_QUEUE: Final = 32 * 1024
"""Bytes. A few packets fit even where the bandwidth is very low."""


@dataclass(slots=True)
class Counters:
    """Numbers of packets of one link since the relay started. Probes are counted in ``probes`` only."""

    received: int = 0
    delivered: int = 0
    """Given to the target's socket, duplicates included."""
    cut: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    overflowed: int = 0
    """Dropped because a queue was full."""
    probes: int = 0

    def to_json(self) -> dict[str, int]:
        return asdict(self)


class Path:
    """The state of one link. Times are in seconds of the monotonic clock."""

    __slots__ = ("_free_at", "_last_departure", "_random", "clear", "counters", "effect", "link")

    def __init__(self, link: Link, seed: str = "") -> None:
        self.link = link
        self.effect: LinkEffect = NO_EFFECT
        self.clear = True
        """Nothing happens to packets, so they need not be scheduled."""
        self.counters = Counters()
        self._random = Random(f"{seed}/{link}")
        self._free_at = 0.0
        self._last_departure = 0.0

    def change(self, effect: LinkEffect) -> None:
        """Set the effect from now on. For packets that wait already, call ``requeued``."""
        self.effect = effect
        self.clear = effect == NO_EFFECT
        self._free_at = self._last_departure = 0.0

    def departures(self, size: int, now: float) -> list[float]:
        """Return when a packet of ``size`` bytes that arrives now leaves: no time, one, or two."""
        if self.effect.cut:
            self.counters.cut += 1
            return []
        if self._happens(self.effect.loss):
            self.counters.lost += 1
            return []
        copies = 1
        if self._happens(self.effect.duplicate):
            self.counters.duplicated += 1
            copies = 2
        return [departure for _ in range(copies) if (departure := self._departure(size, now)) is not None]

    def requeued(self, size: int, planned: float, now: float) -> float | None:
        """Return when a packet that was planned to leave at ``planned`` leaves after a change; None if it is cut off.

        Call it for each waiting packet, in the order of their departures.
        """
        if self.effect.cut:
            self.counters.cut += 1
            return None
        latest = now + self.effect.delay + self.effect.jitter
        self._last_departure = max(self._transmitted(size, now), min(planned, latest), self._last_departure)
        return self._last_departure

    def _departure(self, size: int, now: float) -> float | None:
        if self._overflows(size, now):
            self.counters.overflowed += 1
            return None
        departure = self._transmitted(size, now) + self._delay()
        if self._happens(self.effect.reorder):
            self.counters.reordered += 1
            return departure + self.effect.hold
        self._last_departure = max(departure, self._last_departure)
        return self._last_departure

    def _overflows(self, size: int, now: float) -> bool:
        if self.effect.bandwidth == math.inf:
            return False
        queued = max(0.0, self._free_at - now) * self.effect.bandwidth
        return queued > 0 and queued + size > max(SMALLEST_QUEUE, self.effect.bandwidth * QUEUE_SECONDS)

    def _transmitted(self, size: int, now: float) -> float:
        """Return when the last byte of the packet has left the queue."""
        self._free_at = max(now, self._free_at) + size / self.effect.bandwidth
        return self._free_at

    def _delay(self) -> float:
        effect = self.effect
        if not effect.jitter:
            return effect.delay
        return max(0.0, effect.delay + self._random.uniform(-effect.jitter, effect.jitter))

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate
