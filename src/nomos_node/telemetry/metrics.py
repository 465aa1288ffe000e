"""Metrics: a number or a distribution, with its name and the way to read it.

The real node counts its events with ``UpDownCounter``, although they only rise. Prometheus takes these for gauges and
does not change their names. This node does the same. ``consensus_transactions_total`` is a plain counter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from nomos_node.telemetry.instruments import Histogram


class Kind(Enum):
    """Kind of a number."""

    COUNTER = auto()
    """Number that only rises."""
    UP_DOWN_COUNTER = auto()


@dataclass(frozen=True, slots=True)
class Number:
    """Metric with one value."""

    name: str
    description: str
    read: Callable[[], int]
    kind: Kind = Kind.UP_DOWN_COUNTER


@dataclass(frozen=True, slots=True)
class Distribution:
    """Metric with a histogram."""

    name: str
    description: str
    histogram: Histogram


Metric = Number | Distribution
