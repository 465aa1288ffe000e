"""The demo every runner runs: a star of nodes, a thousand wallets, transactions, and a chain that must live."""

from __future__ import annotations

from nomos_testing.scenario.builder import ScenarioBuilder
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

WALLETS = 1000
TRANSACTION_RATE = 5
TRANSACTION_USERS = 500


def demo_scenario(settings: Settings, *, name: str = "demo") -> Scenario:
    """The demo for the number of nodes, the duration and the slot clock that the environment asks for.

    Raises:
        ScenarioBuildError: no nodes, or a duration too short for any transaction.
    """
    return (
        ScenarioBuilder.topology(validators=settings.demo_validators, executors=settings.demo_executors, layout="star")
        .named(name)
        .slot(seconds=settings.slot_seconds, active_slot_coeff=settings.active_slot_coeff)
        .wallets(WALLETS)
        .transactions(rate=TRANSACTION_RATE, users=TRANSACTION_USERS)
        .expect_consensus_liveness()
        .run_for(seconds=settings.demo_run_seconds)
        .build()
    )
