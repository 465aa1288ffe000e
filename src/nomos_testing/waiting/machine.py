"""How slow this machine is now, so that timeouts mean the same on a laptop and on a busy CI runner."""

from __future__ import annotations

import time
from dataclasses import dataclass

_REFERENCE_SECONDS = 0.0085
"""One probe on an idle core of the reference machine (a current x86-64 server core, Python 3.11)."""
_SLOWEST = 8.0
_SLOW_ENVIRONMENT_FACTOR = 2.0


def measured_machine_factor() -> float:
    """Best of three probes over the reference, between 1 and 8; takes some 25 ms."""
    best = min(_probe() for _ in range(3))
    return min(max(best / _REFERENCE_SECONDS, 1.0), _SLOWEST)


def _probe() -> float:
    started = time.perf_counter()
    total = 0
    for value in range(100_000):
        total = (total + value * value) & 0xFFFFFFFF
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Patience:
    """Scales timeouts: by the machine, and by two where the user says that it is slow (``SLOW_TEST_ENV``)."""

    machine_factor: float = 1.0
    slow_environment: bool = False

    def seconds(self, nominal: float) -> float:
        return nominal * self.machine_factor * (_SLOW_ENVIRONMENT_FACTOR if self.slow_environment else 1.0)
