"""Failure rates of members, and the consequences.

There is a rate for each peer and kind of exchange. Every failure adds one. Before that, the old value decays by ``decay
* exp(-elapsed / window)``. Rates have seven binary digits after the point, like those of the real node.

At its limit a peer is left alone for a while. At the ``malicious`` limit it is left alone for ever. A limit of 0 means
no limit. (The real node takes it literally and bans a peer for one lost packet.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from nomos_node.time.monotonic import monotonic

_UNIT: Final = 128
_MOST_DIGITS: Final = 7


class Exchange(Enum):
    """Kind of exchange with a peer."""

    DISPERSAL = "dispersal"
    SAMPLING = "sampling"
    REPLICATION = "replication"


class Health(Enum):
    """Verdict on a peer."""

    HEALTHY = auto()
    UNHEALTHY = auto()
    MALICIOUS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLimits:
    """Limits of the failure rates."""

    window: float
    """Seconds."""
    decay: float
    dispersal: int
    sampling: int
    replication: int
    malicious: int

    def of(self, exchange: Exchange) -> int:
        return {
            Exchange.DISPERSAL: self.dispersal,
            Exchange.SAMPLING: self.sampling,
            Exchange.REPLICATION: self.replication,
        }[exchange]


@dataclass(slots=True)
class _Rate:
    units: int = 0
    last_failure: float = 0.0


class PeerFailures:
    """Failure rates of all peers."""

    def __init__(self, limits: FailureLimits, clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._rates: dict[str, dict[Exchange, _Rate]] = {}

    def record(self, peer: str, exchange: Exchange) -> Health:
        """Count a failure and return the verdict on the peer."""
        rate = self._rates.setdefault(peer, {each: _Rate() for each in Exchange})[exchange]
        now = self._clock()
        rate.units = self._decayed(rate, now) + _UNIT
        rate.last_failure = now
        if _reaches(rate.units, self._limits.malicious):
            return Health.MALICIOUS
        return Health.UNHEALTHY if _reaches(rate.units, self._limits.of(exchange)) else Health.HEALTHY

    def rates(self) -> Mapping[str, Mapping[Exchange, str]]:
        """Return the rates by peer as decimal numbers, as they were after its last failures."""
        return {
            peer: {exchange: fixed_point(rate.units) for exchange, rate in rates.items()}
            for peer, rates in self._rates.items()
        }

    def _decayed(self, rate: _Rate, now: float) -> int:
        elapsed = now - rate.last_failure
        if not rate.units or elapsed <= 0:
            return rate.units
        factor = round(math.exp(-elapsed / self._limits.window) * _UNIT) * round(self._limits.decay * _UNIT) // _UNIT
        return rate.units * factor // _UNIT


def fixed_point(units: int) -> str:
    """Write the number of 128ths as the shortest decimal number that is nearest to it."""
    value = units / _UNIT
    texts = (f"{value:.{digits}f}" for digits in range(_MOST_DIGITS))
    return next((text for text in texts if round(float(text) * _UNIT) == units), f"{value:.{_MOST_DIGITS}f}")


def _reaches(units: int, limit: int) -> bool:
    return limit > 0 and units >= limit * _UNIT
