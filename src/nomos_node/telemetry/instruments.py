"""Instruments: plain numbers in which services count. Publishers read them when they need them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Counter:
    """Number of events since the start of the process."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int = 1) -> None:
        self.value += amount


class Histogram:
    """Numbers of sizes by class.

    ``counts[i]`` counts those up to and including ``bounds[i]``. The last one counts those above every bound.
    """

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
