from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.scenario.metrics import RunMetrics
from nomos_testing.workloads.submission import submission_plan


def _metrics(seconds: float, slot: float | None = 2.0, coefficient: float = 0.9) -> RunMetrics:
    return RunMetrics(run_duration=seconds, slot_duration=slot, active_slot_coeff=coefficient)


def test_the_demo_plans_166_transactions_in_a_minute() -> None:
    plan = submission_plan(_metrics(60), rate=5, accounts=500)
    assert (plan.planned, plan.interval) == (166, 60 / 166)


def test_no_account_sends_twice() -> None:
    assert submission_plan(_metrics(60), rate=5, accounts=10).planned == 10


def test_without_a_slot_the_run_counts_as_one_block() -> None:
    assert submission_plan(_metrics(60, slot=None), rate=5, accounts=500).planned == 5


def test_a_run_too_short_for_one_transaction_is_refused() -> None:
    with pytest.raises(ValueError, match="scheduled zero transactions"):
        submission_plan(_metrics(1.0), rate=1, accounts=500)


@given(
    seconds=st.floats(4, 10_000),
    slot=st.floats(0.2, 20),
    coefficient=st.floats(0.05, 1),
    rate=st.integers(1, 1000),
    accounts=st.integers(1, 5000),
)
def test_the_plan_fills_the_run_and_keeps_both_limits(
    seconds: float, slot: float, coefficient: float, rate: int, accounts: int
) -> None:
    requested = math.floor(seconds / (slot * coefficient) * rate)
    if requested == 0:
        return
    plan = submission_plan(_metrics(seconds, slot, coefficient), rate=rate, accounts=accounts)
    assert plan.planned == min(requested, accounts)
    assert plan.planned * plan.interval == pytest.approx(seconds)
