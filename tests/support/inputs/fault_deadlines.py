"""What faults and ends of runs may take, on the machine that runs the tests and as fast as it is now."""

from __future__ import annotations

from nomos_testing.surroundings import measured_machine_factor

MACHINE_FACTOR = measured_machine_factor()
EFFECT_DEADLINE = 0.5 * MACHINE_FACTOR
"""Seconds until a fault or its heal holds; half a second on the reference machine."""
GONE_WITHIN = 5.0 * MACHINE_FACTOR
"""Seconds until nothing is left of a run that ended, however it did; five on the reference machine."""
