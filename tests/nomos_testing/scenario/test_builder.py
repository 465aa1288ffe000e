from __future__ import annotations

import pytest

from nomos_testing import ScenarioBuilder, ScenarioBuildError
from nomos_testing.topology import WalletSpec


def _two_nodes() -> ScenarioBuilder:
    return ScenarioBuilder.topology(validators=1, executors=1)


def test_each_call_gives_a_new_builder() -> None:
    base = _two_nodes()
    assert base.wallets(10) is not base
    assert base.spec.wallet is None


def test_wallets_get_a_hundred_tokens_each() -> None:
    assert _two_nodes().wallets(7).spec.wallet == WalletSpec(total=700, users=7)


def test_a_run_lasts_at_least_two_slots() -> None:
    assert _two_nodes().run_for(seconds=1).build().duration == 4
    assert _two_nodes().slot(seconds=0.5).run_for(seconds=2).build().duration == 2


def test_a_seed_is_drawn_where_none_is_given() -> None:
    one, two = (_two_nodes().run_for(seconds=9).build() for _ in range(2))
    assert one.seed != two.seed
    assert one.topology.seed == one.seed
    assert _two_nodes().seed(3).run_for(seconds=9).build().topology.seed == 3


def test_a_workload_brings_its_expectations_before_the_others() -> None:
    scenario = _two_nodes().expect_consensus_liveness().wallets(9).transactions(rate=2).run_for(seconds=9).build()
    assert [item.name for item in scenario.expectations] == ["tx_inclusion_expectation", "consensus_liveness"]


def test_zero_nodes_are_refused() -> None:
    with pytest.raises(ScenarioBuildError, match="at least one node"):
        ScenarioBuilder.topology(validators=0)


@pytest.mark.parametrize(
    ("break_it", "text"),
    [
        (lambda builder: builder.wallets(0), "wallet user count must be non-zero"),
        (lambda builder: builder.initialize_wallet(total=1, users=2), "at least 1 token per user"),
        (lambda builder: builder.transactions(rate=0), "transaction rate must be non-zero"),
        (lambda builder: builder.transactions(users=0), "transaction user count must be non-zero"),
        (lambda builder: builder.slot(seconds=0), "slot duration must be above 0"),
        (lambda builder: builder.slot(seconds=1, active_slot_coeff=2), "active slot coefficient"),
        (lambda builder: builder.expect_consensus_liveness(lag_allowance=6), "0 to 5 blocks"),
        (lambda builder: builder.run_for(), "either seconds or slots"),
        (lambda builder: builder.run_for(seconds=1, slots=1), "either seconds or slots"),
        (lambda builder: builder.run_for(seconds=float("nan")).build(), "a duration above 0"),
        (lambda builder: builder.build(), "needs a duration"),
        (
            lambda builder: builder.transactions().run_for(seconds=9).build(),
            "workload 'tx_workload' failed to initialize: transaction workload requires seeded accounts",
        ),
    ],
)
def test_what_does_not_fit_is_refused_while_building(break_it: object, text: str) -> None:
    assert callable(break_it)
    with pytest.raises(ScenarioBuildError, match=text):
        break_it(_two_nodes())
