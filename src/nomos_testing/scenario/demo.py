"""The demo scenario of every runner: a star of nodes under transactions and blobs, whose chain must grow."""

from __future__ import annotations

from dataclasses import replace

from nomos_testing.expectations.validator_heights import ValidatorHeights
from nomos_testing.scenario.builder import ScenarioBuilder
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

WALLETS = 1000
TRANSACTION_RATE = 5
TRANSACTION_USERS = 500
BLOB_RATE = 1
REACHED_HEIGHT = 5
"""Height that every validator has at the end of the demo on Kubernetes."""
RESTART_DELAY = 120.0
RESTART_LATEST = 180.0
RESTART_COOLDOWN = 240.0
RESTART_BEFORE_END = 1.0
"""Seconds from the last restart of a node to the start of the cooldown."""
NO_RESTARTS = "no node is restarted: restarts begin after two minutes"
NO_HEIGHTS = f"no height is asked for: the run has fewer than {2 * REACHED_HEIGHT} blocks on average"
NO_EXECUTORS = "there is no executor, so that the demo leaves data availability out: only executors disperse blobs"


def demo_scenario(settings: Settings, *, name: str = "demo") -> Scenario:
    """Build the demo with the number of nodes, the duration and the slot clock of the environment.

    Raises:
        ScenarioBuildError: no nodes, an executor alone, or a duration too short for any transaction.
    """
    return _demo(settings, name).build()


def compose_demo_scenario(settings: Settings, *, name: str = "demo") -> Scenario:
    """Build the demo for containers: with node control, and with restarts in runs of more than two minutes.

    ``COMPOSE_NODE_PAIRS`` gives the number of nodes if the variables of the demo do not.

    Raises:
        ScenarioBuildError: as ``demo_scenario``.
    """
    builder = _demo(_with_node_pairs(settings), name).enable_node_control()
    last = settings.demo_run_seconds - RESTART_BEFORE_END
    if last < RESTART_DELAY:
        return builder.note(NO_RESTARTS).build()
    # The latest moment lies within the run, so that every run of this length has a restart.
    latest = min(RESTART_LATEST, last)
    return builder.restarts(min_delay=RESTART_DELAY, max_delay=latest, cooldown=RESTART_COOLDOWN).build()


def k8s_demo_scenario(settings: Settings, *, name: str = "demo") -> Scenario:
    """Build the demo for Kubernetes: every validator reaches a height of 5, unless the run is too short for that.

    Raises:
        ScenarioBuildError: as ``demo_scenario``.
    """
    builder = _demo(settings, name)
    # With the cooldown there are twice as many slots: fewer than five blocks happen less than once in 10^9 runs.
    blocks = settings.demo_run_seconds / settings.slot_seconds * settings.active_slot_coeff
    if blocks < 2 * REACHED_HEIGHT:
        return builder.note(NO_HEIGHTS).build()
    return builder.with_expectation(ValidatorHeights(blocks=REACHED_HEIGHT)).build()


def _demo(settings: Settings, name: str) -> ScenarioBuilder:
    builder = (
        ScenarioBuilder.topology(validators=settings.demo_validators, executors=settings.demo_executors, layout="star")
        .named(name)
        .slot(seconds=settings.slot_seconds, active_slot_coeff=settings.active_slot_coeff)
        .with_settings(settings)
        .wallets(WALLETS)
        .transactions(rate=TRANSACTION_RATE, users=TRANSACTION_USERS, once_per_account=True)
        .expect_consensus_liveness()
        .expect_no_stalls()
        .run_for(seconds=settings.demo_run_seconds)
    )
    return builder.data_availability(blob_rate=BLOB_RATE) if settings.demo_executors else builder.note(NO_EXECUTORS)


def _with_node_pairs(settings: Settings) -> Settings:
    if settings.node_pairs is None or settings.given & {"demo_validators", "demo_executors"}:
        return settings
    validators, executors = settings.node_pairs
    return replace(settings, demo_validators=validators, demo_executors=executors)
