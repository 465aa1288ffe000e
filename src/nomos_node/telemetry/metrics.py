"""The two shapes of a metric: a number and a distribution, each with its name and how to read it.

The real node counts its events with counters that could go down again (``UpDownCounter``), so that Prometheus takes
them for gauges and leaves their names alone; the same here. ``consensus_transactions_total`` is a plain counter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from nomos_node.telemetry.instruments import Histogram


class Kind(Enum):
    COUNTER = auto()
    """Only rises."""
    UP_DOWN_COUNTER = auto()


@dataclass(frozen=True, slots=True)
class Number:
    name: str
    description: str
    read: Callable[[], int]
    kind: Kind = Kind.UP_DOWN_COUNTER


@dataclass(frozen=True, slots=True)
class Distribution:
    name: str
    description: str
    histogram: Histogram


Metric = Number | Distribution
