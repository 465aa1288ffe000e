"""One link as its packets see it: when each of them leaves for its target, if at all.

Order of effects: cut, loss, duplication, bandwidth (a queue of its own), delay. Packets keep their order whatever the
jitter, as in a real queue, but for those that ``reorder`` holds back.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from random import Random
from typing import Final

from nomos_testing.cluster.link_effects import NO_EFFECT, LinkEffect
from nomos_testing.cluster.links import Link

QUEUE_SECONDS: Final = 0.5
"""How long a queue in front of a narrow link may get."""
SMALLEST_QUEUE: Final = 32 * 1024
"""Bytes; however narrow the link is, a few packets fit."""


@dataclass(slots=True)
class Counters:
    """Packets of one link since the relay began; those of probes count in none but ``probes``."""

    received: int = 0
    delivered: int = 0
    """Handed to the target's socket, duplicates included."""
    cut: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    overflowed: int = 0
    """Lost because a queue was full."""
    probes: int = 0

    def to_json(self) -> dict[str, int]:
        return asdict(self)


class Path:
    """The state of one link. Times are of the monotonic clock, in seconds."""

    __slots__ = ("_free_at", "_last_departure", "_random", "clear", "counters", "effect", "link")

    def __init__(self, link: Link, seed: str = "") -> None:
        self.link = link
        self.effect: LinkEffect = NO_EFFECT
        self.clear = True
        """Packets may pass without being scheduled."""
        self.counters = Counters()
        self._random = Random(f"{seed}/{link}")
        self._free_at = 0.0
        self._last_departure = 0.0

    def change(self, effect: LinkEffect) -> None:
        """From now on ``effect`` holds. What is queued already is for ``requeued`` to tell."""
        self.effect = effect
        self.clear = effect == NO_EFFECT
        self._free_at = self._last_departure = 0.0

    def departures(self, size: int, now: float) -> list[float]:
        """When a packet of ``size`` bytes that arrives now leaves: never, once, or twice."""
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
        """When a packet that was to leave at ``planned`` leaves after a change; None: it is cut off.

        To be asked packet by packet, in the order of their departures.
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
        """When the last byte has left the queue."""
        self._free_at = max(now, self._free_at) + size / self.effect.bandwidth
        return self._free_at

    def _delay(self) -> float:
        effect = self.effect
        if not effect.jitter:
            return effect.delay
        return max(0.0, effect.delay + self._random.uniform(-effect.jitter, effect.jitter))

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate
