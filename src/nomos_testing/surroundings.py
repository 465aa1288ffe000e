"""Time and randomness, as a run gets them from outside.

No other module of the framework asks the machine for them; ``tests/test_time_and_chance.py`` holds that and lists the
exceptions. A simulation runs its event loop on virtual time and gives a run other ``Surroundings``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Final

_NANOSECONDS: Final = 1_000_000_000
_REFERENCE_SECONDS: Final = 0.0085
"""One probe on an idle core of the reference machine (a current x86-64 server core, Python 3.11)."""
_SLOWEST: Final = 8.0


def monotonic() -> float:
    """Return the seconds of the running event loop's clock. Only differences between two values have a meaning.

    Raises:
        RuntimeError: no event loop runs here.
    """
    return asyncio.get_running_loop().time()


def measured_machine_factor() -> float:
    """Measure how many times slower this machine is now than the reference, from 1 to 8. It takes about 25 ms."""
    best = min(_probe() for _ in range(3))
    return min(max(best / _REFERENCE_SECONDS, 1.0), _SLOWEST)


def _probe() -> float:
    started = time.perf_counter()
    total = 0
    for value in range(100_000):
        total = (total + value * value) & 0xFFFFFFFF
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The sources of time and randomness of a run, apart from its event loop and its seed."""

    now_ns: Callable[[], int]
    """The wall clock, in nanoseconds of the Unix epoch. It may jump."""
    rng: Random
    """For what does not follow from the run's seed: run ids, free ports, tokens."""
    machine_factor: Callable[[], float]
    """Measures how many times slower the machine is than the reference. Timeouts are scaled by it."""

    def unix_time(self) -> float:
        """Return the wall clock, in seconds of the Unix epoch."""
        return self.now_ns() / _NANOSECONDS

    def utc(self) -> datetime:
        """Return the wall clock, in UTC, to the microsecond."""
        seconds, nanoseconds = divmod(self.now_ns(), _NANOSECONDS)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)


THIS_MACHINE: Final = Surroundings(now_ns=time.time_ns, rng=SystemRandom(), machine_factor=measured_machine_factor)
"""The real ones: the default wherever surroundings are an argument."""
