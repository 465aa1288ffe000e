"""The demo of k8s_runner: it asks every validator for a height, in runs that are long enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing.expectations.validator_heights import ValidatorHeights
from nomos_testing.scenario.demo import NO_HEIGHTS, demo_scenario, k8s_demo_scenario
from nomos_testing.scenario.replay import load_replay
from nomos_testing.settings import Settings
from support.inputs.stored_run import left_by


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, True),
        ({"K8S_DEMO_RUN_SECS": "22"}, False),
        ({"K8S_DEMO_RUN_SECS": "23"}, True),
        ({"K8S_DEMO_RUN_SECS": "22", "CONSENSUS_SLOT_TIME": "1"}, True),
    ],
)
def test_validators_are_asked_for_a_height_where_the_run_is_long_enough(variables: dict[str, str], asked: bool) -> None:
    settings = Settings.from_environ(variables)
    scenario = k8s_demo_scenario(settings)
    assert (ValidatorHeights(blocks=5) in scenario.expectations) is asked
    assert (NO_HEIGHTS in scenario.notices) is not asked
    names = [part.name for part in scenario.expectations if part.name != "validator_heights"]
    assert names == [part.name for part in demo_scenario(settings).expectations]


def test_variables_of_the_demo_size_it() -> None:
    spec = k8s_demo_scenario(Settings.from_environ({"K8S_DEMO_VALIDATORS": "3", "K8S_DEMO_EXECUTORS": "2"})).topology
    assert (spec.validators, spec.executors) == (3, 2)


def test_a_replay_asks_for_the_same_height(tmp_path: Path) -> None:
    again = load_replay(left_by(k8s_demo_scenario(Settings()), tmp_path))
    assert ValidatorHeights(blocks=5) in again.expectations
