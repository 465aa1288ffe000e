"""Percentiles, by one rule everywhere: nearest rank."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of some measurements. Each is a value that was measured (see ``nearest_rank``)."""

    p50: float
    """The median."""
    p90: float
    """The 90th percentile."""
    p99: float
    """The 99th percentile."""
    count: int
    """Number of measurements, at least 1. Fewer than 100 make p99 the largest one."""


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` percent of all values do not exceed.

    Args:
        ordered: the values, in ascending order, at least one.
        percent: above 0, up to 100.
    """
    # Rounding keeps 29 of 100 values from being 29.000000000000004 of them.
    return ordered[max(1, math.ceil(round(percent * len(ordered) / 100, 9))) - 1]


def percentiles_of(values: Iterable[float]) -> Percentiles | None:
    """Return the percentiles of values in any order; None if there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    p50, p90, p99 = (nearest_rank(ordered, percent) for percent in (50, 90, 99))
    return Percentiles(p50, p90, p99, len(ordered))
