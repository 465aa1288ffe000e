"""How many transactions a run sends, and how far apart: shared by the workload and by what is expected of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nomos_testing.scenario.metrics import RunMetrics


@dataclass(frozen=True, slots=True)
class SubmissionPlan:
    planned: int
    """Transactions in the whole run; each comes from an account of its own."""
    interval: float
    """Seconds from one submission to the next."""


def submission_plan(metrics: RunMetrics, *, rate: int, accounts: int) -> SubmissionPlan:
    """Plan a run at ``rate`` transactions a block with at most one transaction an account.

    A block is taken to last ``block_interval_hint`` seconds (the run's length where that is unknown), so that a run of
    60 s at rate 5 with slots of 2 s and a coefficient of 0.9 plans ``floor(60 / 1.8 * 5) = 166``.

    Raises:
        ValueError: nothing would be sent.
    """
    run_seconds = metrics.run_duration
    block_seconds = metrics.block_interval_hint or run_seconds
    planned = min(math.floor(run_seconds / block_seconds * rate), accounts)
    if planned == 0:
        raise ValueError("transaction workload scheduled zero transactions")
    return SubmissionPlan(planned, run_seconds / planned)
