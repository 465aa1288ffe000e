"""What the demo consists of, for each number of nodes, and in each of its spellings."""

from __future__ import annotations

import runpy

import pytest

from nomos_testing import Scenario, ScenarioBuildError
from nomos_testing.scenario.demo import NO_EXECUTORS, NO_RESTARTS, compose_demo_scenario, demo_scenario
from nomos_testing.scenario.file.loader import load_scenario
from nomos_testing.settings import Settings
from support.repository.repository_copy import REPOSITORY

EVERYTHING = ("tx_inclusion_expectation", "da_workload_inclusions", "verify_blobs", "consensus_liveness", "no_stalls")


def demo(validators: int, executors: int) -> Scenario:
    return demo_scenario(Settings(demo_validators=validators, demo_executors=executors))


def expected_of(scenario: Scenario) -> tuple[str, ...]:
    return tuple(expectation.name for expectation in scenario.expectations)


@pytest.mark.parametrize(("validators", "executors"), [(1, 1), (3, 2), (0, 2)])
def test_with_an_executor_there_are_transactions_and_blobs(validators: int, executors: int) -> None:
    scenario = demo(validators, executors)
    assert [workload.name for workload in scenario.workloads] == ["tx_workload", "channel_workload"]
    assert expected_of(scenario) == EVERYTHING
    assert scenario.notices == ()


@pytest.mark.parametrize("validators", [1, 3])
def test_without_an_executor_blobs_are_left_out_and_the_run_says_so(validators: int) -> None:
    scenario = demo(validators, 0)
    assert [workload.name for workload in scenario.workloads] == ["tx_workload"]
    assert scenario.notices == (NO_EXECUTORS,)


def test_the_demo_plans_with_the_environments_sampling_delay() -> None:
    assert demo(2, 1).topology.da.sampling_delay == 2
    assert demo_scenario(Settings(sampling_delay_seconds=9)).topology.da.sampling_delay == 9


def test_an_executor_alone_is_refused() -> None:
    with pytest.raises(ScenarioBuildError, match="a network of 1 node has 1: add a node"):
        demo(0, 1)


def test_the_examples_are_the_demo() -> None:
    script = runpy.run_path(str(REPOSITORY / "examples/demo.py"))
    for scenario in (script["build"](), load_scenario(REPOSITORY / "examples/demo.yaml")):
        assert expected_of(scenario) == EVERYTHING
        assert scenario.metrics == demo(1, 1).metrics
        assert [workload.file_section() for workload in scenario.workloads] == [
            workload.file_section() for workload in demo(1, 1).workloads
        ]


@pytest.mark.parametrize("seconds", [122, 150, 600])
@pytest.mark.parametrize("attempt", range(5))
def test_in_containers_every_run_of_more_than_two_minutes_sees_a_restart(seconds: int, attempt: int) -> None:
    """Each attempt draws a seed of its own."""
    scenario = compose_demo_scenario(Settings(demo_run_seconds=seconds))
    assert len(scenario.faults) >= 1
    assert all(120 <= fault.inject_at <= seconds - 1 for fault in scenario.faults)


def test_in_containers_a_shorter_run_says_that_nothing_is_restarted() -> None:
    scenario = compose_demo_scenario(Settings(demo_run_seconds=60))
    assert len(scenario.faults) == 0
    assert NO_RESTARTS in scenario.notices
