"""Scales timeouts to the machine, so that they mean the same on a laptop and on a busy CI runner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SLOW_ENVIRONMENT_FACTOR: Final = 2.0
SHORTEST_SLOT_SECONDS: Final = 1.0
"""Connecting, dialling again and starting do not get faster with slots shorter than this."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Computes how long a wait may take in this run.

    Every length is scaled by the machine's speed, and by two if the user says that the machine is slow
    (``SLOW_TEST_ENV``).
    """

    machine_factor: float = 1.0
    """How many times slower the machine is than the reference."""
    slow_environment: bool = False
    slot_seconds: float = SHORTEST_SLOT_SECONDS

    def slots(self, count: float) -> float:
        """Return the seconds that ``count`` slots may take, for a wait for the chain or for the nodes' network.

        A slot counts as a second at least.
        """
        return self.seconds(count * max(self.slot_seconds, SHORTEST_SLOT_SECONDS))

    def seconds(self, nominal: float) -> float:
        """Return the seconds that ``nominal`` seconds of the reference machine may take here.

        For work without slots.
        """
        return nominal * self.machine_factor * (_SLOW_ENVIRONMENT_FACTOR if self.slow_environment else 1.0)
