from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.topology.timing import RunTiming
from nomos_testing.workloads.transactions.submission import proof_sentence, submission_plan


def _metrics(seconds: float, slot: float | None = 2.0, coefficient: float = 0.9) -> RunTiming:
    return RunTiming(run_duration=seconds, slot_duration=slot, active_slot_coeff=coefficient)


def test_the_demo_plans_166_transactions_in_a_minute() -> None:
    plan = submission_plan(_metrics(60), rate=5, accounts=500)
    assert (plan.planned, plan.interval) == (166, 60 / 166)


def test_once_per_account_no_account_sends_twice() -> None:
    plan = submission_plan(_metrics(60), rate=5, accounts=10, once=True)
    assert (plan.planned, plan.accounts, plan.interval) == (10, 10, 6.0)
    assert plan.sentences() == (
        "10 transactions, 0.33 a slot, 5 of them must be in blocks: 5 a block, which is taken to last 1.8 s",
        "the rate asks for 166, more than 10 accounts can send: each sends once",
    )


def test_accounts_that_spend_their_change_keep_the_rate_for_any_length() -> None:
    plan = submission_plan(_metrics(500, slot=0.5), rate=5, accounts=100)
    assert (plan.planned, plan.accounts) == (5555, 100)
    first, second = plan.sentences()
    assert first.startswith("5555 transactions, 5.55 a slot, 2778 of them must be in blocks: 5 a block")
    assert second == (
        "100 accounts send in turns: each spends its change when its last transaction is in a block, "
        "for which 13 are enough"
    )


def test_accounts_too_few_for_the_rate_are_refused_with_the_numbers() -> None:
    with pytest.raises(ValueError, match="transactions are asked for") as refused:
        submission_plan(_metrics(60), rate=3, accounts=2)
    assert str(refused.value) == (
        "100 transactions are asked for (3 a block, one in 0.6 s), and 2 accounts cannot keep that rate: an account "
        "sends again when its last transaction is in a block, which takes 2.2 slots. Fund 8 wallets or more, lower the "
        "rate, or say best_effort: true to send what these accounts can"
    )


def test_with_best_effort_they_send_what_they_can() -> None:
    plan = submission_plan(_metrics(60), rate=3, accounts=2, best_effort=True)
    assert (plan.planned, plan.requested, plan.needed) == (25, 100, 8)
    assert plan.sentences()[1] == (
        "the rate asks for 100, more than 2 accounts can send: each rests until its transaction is in a block; "
        "8 would be enough"
    )


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
    metrics = _metrics(seconds, slot, coefficient)
    once = submission_plan(metrics, rate=rate, accounts=accounts, once=True)
    assert once.planned == min(requested, accounts)
    assert once.planned * once.interval == pytest.approx(seconds)
    best = submission_plan(metrics, rate=rate, accounts=accounts, best_effort=True)
    assert min(requested, accounts) <= best.planned <= requested
    if best.planned == requested:
        assert submission_plan(metrics, rate=rate, accounts=accounts).planned == requested
    else:
        with pytest.raises(ValueError, match="cannot keep that rate"):
            submission_plan(metrics, rate=rate, accounts=accounts)


def test_a_plan_says_what_real_proofs_take() -> None:
    once = submission_plan(_metrics(60), rate=5, accounts=500)
    assert proof_sentence(once, machine_factor=1.0, processors=2) == (
        "proofs of 166 transactions before the load: some 17 s"
    )
    turns = submission_plan(_metrics(500, slot=0.5), rate=5, accounts=100)
    assert proof_sentence(turns, machine_factor=2.0, processors=4) == (
        "proofs of 100 transactions before the load: some 10 s; of 5455 during it, one at a time, 0.4 s each: "
        "one processor does not keep the rate of one in 0.09 s"
    )
