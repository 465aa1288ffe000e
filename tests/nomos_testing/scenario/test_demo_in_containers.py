"""How variables size the demo of compose_runner."""

from __future__ import annotations

import pytest

from nomos_testing.scenario.demo import compose_demo_scenario
from nomos_testing.settings import Settings


@pytest.mark.parametrize(
    ("variables", "nodes"),
    [
        ({}, (1, 1)),
        ({"COMPOSE_NODE_PAIRS": "3x2"}, (3, 2)),
        ({"COMPOSE_NODE_PAIRS": "3\u00d72"}, (3, 2)),
        ({"COMPOSE_NODE_PAIRS": "three"}, (1, 1)),
        ({"COMPOSE_NODE_PAIRS": "3x2", "NOMOS_DEMO_VALIDATORS": "4"}, (4, 1)),
        ({"COMPOSE_DEMO_EXECUTORS": "2"}, (1, 2)),
    ],
)
def test_its_number_of_nodes(variables: dict[str, str], nodes: tuple[int, int]) -> None:
    spec = compose_demo_scenario(Settings.from_environ(variables)).topology
    assert (spec.validators, spec.executors) == nodes


def test_nodes_restart_only_where_the_run_is_long_enough_for_it() -> None:
    short = compose_demo_scenario(Settings.from_environ({"NOMOS_DEMO_RUN_SECS": "60"}))
    assert short.node_control
    assert not short.faults
    long = compose_demo_scenario(Settings.from_environ({"NOMOS_DEMO_RUN_SECS": "400", "COMPOSE_NODE_PAIRS": "2x1"}))
    assert [planned.fault.kind for planned in long.faults]
    assert all(planned.inject_at >= 120 for planned in long.faults)
