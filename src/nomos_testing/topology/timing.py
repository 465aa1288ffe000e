"""The timing of a run: how many blocks to expect, how long a block takes, how long to cool down and settle.

The thresholds of every workload and expectation follow from these formulas. They are those of the original framework,
also where they look odd: the block interval hint is the slot *times* the active slot coefficient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

MIN_COOLDOWN_BLOCKS: Final = 5
NODE_CONTROL_COOLDOWN_SECONDS: Final = 30.0
MIN_SETTLE_SECONDS: Final = 2.0
SETTLE_SECONDS_WITHOUT_HINT: Final = 1.0
_REFERENCE_SLOT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class RunTiming:
    """The times from which the formulas start. Durations are in seconds."""

    run_duration: float
    slot_duration: float | None
    """None if the topology has no validator to ask."""
    active_slot_coeff: float
    security_param: int = 10

    @property
    def expected_blocks(self) -> int:
        """``ceil(run / slot * active_slot_coeff)``; 0 without a slot duration."""
        if not self.slot_duration:
            return 0
        return math.ceil(self.run_duration / self.slot_duration * self.active_slot_coeff)

    @property
    def block_interval_hint(self) -> float | None:
        """``slot * clamp(active_slot_coeff, 0, 1)``: 1.8 s with the defaults."""
        if self.slot_duration is None:
            return None
        return self.slot_duration * min(max(self.active_slot_coeff, 0.0), 1.0)

    @property
    def lottery_expected_blocks(self) -> float:
        """The average number of slots with a winner. It is for people to read, and never a threshold."""
        return self.run_duration / self.slot_duration * self.active_slot_coeff if self.slot_duration else 0.0

    def cooldown(self, *, node_control: bool) -> float:
        """Return how long workloads may run after the run's duration: ``max(5, security_param)`` block intervals.

        With node control it is at least 30 s, so that a node that was stopped last is back.
        """
        hint = self.block_interval_hint
        blocks = 0.0 if hint is None else max(MIN_COOLDOWN_BLOCKS, self.security_param) * hint
        return max(blocks, self._scaled(NODE_CONTROL_COOLDOWN_SECONDS)) if node_control else blocks

    def settle(self, *, node_control: bool) -> float:
        """Return the pause from the end of the workloads to the verdict: ``max(2 s, hint or 1 s)``, or none."""
        hint = self.block_interval_hint
        if hint is None and not node_control:
            return 0.0
        return max(self._scaled(MIN_SETTLE_SECONDS), SETTLE_SECONDS_WITHOUT_HINT if hint is None else hint)

    def _scaled(self, seconds: float) -> float:
        # Slots below a second make tests fast. Times that fit slots of 2 s shrink with them.
        slot = self.slot_duration
        return seconds * slot / _REFERENCE_SLOT_SECONDS if slot is not None and slot < 1 else seconds
