"""What services count with: plain numbers that cost nothing to keep. Who publishes them reads them when it does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Counter:
    """Events since the process started."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int = 1) -> None:
        self.value += amount


class Histogram:
    """Sizes by class: ``counts[i]`` are those up to and including ``bounds[i]``, the last those above every bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[int]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, size: int) -> None:
        self.counts[bisect_left(self.bounds, size)] += 1
        self.total += size
