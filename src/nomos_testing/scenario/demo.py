"""The demo every runner runs: a star of nodes under transactions and blobs, and a chain that must live."""

from __future__ import annotations

from nomos_testing.scenario.builder import ScenarioBuilder
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

WALLETS = 1000
TRANSACTION_RATE = 5
TRANSACTION_USERS = 500
BLOB_RATE = 1
NO_EXECUTORS = "there is no executor, so that the demo leaves data availability out: only executors disperse blobs"


def demo_scenario(settings: Settings, *, name: str = "demo") -> Scenario:
    """The demo for the number of nodes, the duration and the slot clock that the environment asks for.

    Raises:
        ScenarioBuildError: no nodes, an executor alone, or a duration too short for any transaction.
    """
    builder = (
        ScenarioBuilder.topology(validators=settings.demo_validators, executors=settings.demo_executors, layout="star")
        .named(name)
        .slot(seconds=settings.slot_seconds, active_slot_coeff=settings.active_slot_coeff)
        .wallets(WALLETS)
        .transactions(rate=TRANSACTION_RATE, users=TRANSACTION_USERS)
        .expect_consensus_liveness()
        .run_for(seconds=settings.demo_run_seconds)
    )
    with_blobs = (
        builder.data_availability(blob_rate=BLOB_RATE) if settings.demo_executors else builder.note(NO_EXECUTORS)
    )
    return with_blobs.build()
