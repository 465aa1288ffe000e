"""Faults in scenario files: what they may say, and where an error is."""

from __future__ import annotations

import pytest

from nomos_testing.faults import Kill, Latency, Links, Loss, Partition, Restart
from nomos_testing.faults.fault import Fault
from nomos_testing.scenario.errors import ScenarioFileError
from nomos_testing.scenario.file.loader import parse_scenario
from nomos_testing.scenario.scenario import Scenario

HEAD = "topology: {validators: 3, executors: 1}\nrun_for: 60\nnode_control: true\nseed: 1\nfaults:\n"
"""Five lines; the faults begin in the sixth."""


def scenario_with(faults: str) -> Scenario:
    return parse_scenario(HEAD + faults, "s.yaml")


def problem_of(text: str) -> str:
    with pytest.raises(ScenarioFileError) as caught:
        parse_scenario(text, "s.yaml")
    (problem, *_) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("entry", "times", "fault"),
    [
        ("{at: 5, lasting: 2.5, kill: {node: executor-0}}", [(5, 7.5)], Kill("executor-0")),
        ("{at: {slots: 5}, lasting: {slots: 2}, kill: {node: executor-0}}", [(10, 14)], Kill("executor-0")),
        ("{every: 40, restart: {node: executor-0, wipe_data: true}}", [(40, 40)], Restart("executor-0", True)),
        ("{every: 25, first: 5, until: 40, restart: {node: validator-1}}", [(5, 5), (30, 30)], Restart("validator-1")),
        ("{during: {start: 1, end: 59}, latency: {seconds: 0.1}}", [(1, 59)], Latency(seconds=0.1)),
        (
            "{at: 1, lasting: 1, loss: {rate: 0.5, nodes: [validator-0], peers: [executor-0], one_way: true}}",
            [(1, 2)],
            Loss(rate=0.5, links=Links.towards(["validator-0"], ["executor-0"])),
        ),
        (
            "{at: 1, lasting: 1, partition: {groups: [[validator-0], [validator-1, validator-2]]}}",
            [(1, 2)],
            Partition.of(["validator-0"], ["validator-1", "validator-2"]),
        ),
    ],
)  # fmt: skip
def test_an_entry_is_planned(entry: str, times: list[tuple[float, float]], fault: Fault) -> None:
    plan = scenario_with(f"- {entry}\n").faults
    assert [(item.inject_at, item.heal_at) for item in plan] == times
    assert {item.fault for item in plan} == {fault}


def test_faults_of_links_turn_network_control_on_and_faults_of_nodes_do_not() -> None:
    assert scenario_with("- {at: 1, lasting: 1, loss: {rate: 0.5}}\n").network_control
    assert not scenario_with("- {at: 1, lasting: 1, kill: {node: any}}\n").network_control


@pytest.mark.parametrize(
    ("faults", "problem"),
    [
        (
            "- at: 1\n  lasting: 1\n  kill: {node: ghost}\n",
            "s.yaml:8: faults.0.kill.node: there is no node 'ghost'; expected one of validator-0, validator-1, ",
        ),
        ("- at: 1\n  lasting: 90\n  kill: {node: any}\n", "s.yaml:7: faults.0.lasting: the fault would end at 91 s"),
        ("- at: -1\n  lasting: 1\n  kill: {node: any}\n", "s.yaml:6: faults.0.at: expected greater than or equal to 0"),
        ("- at: 60\n  lasting: 1\n  kill: {node: any}\n", "s.yaml:6: faults.0.at: 60 s is after the run"),
        ("- at: 1\n  kill: {node: any}\n", "s.yaml:6: faults.0.lasting: is missing: how long the kill lasts"),
        (
            "- {at: 1, lasting: 9, partition: {}}\n- {at: 5, lasting: 9, partition: {}}\n",
            "s.yaml:7: faults.1: partition ",
        ),
        (
            "- at: 1\n  lasting: 1\n  partition:\n    groups: [[validator-0], [validator-0]]\n",
            "s.yaml:9: faults.0.partition.groups: validator-0: in two groups of one partition",
        ),
        ("- {at: 1, lasting: 1}\n", "s.yaml:6: faults.0: expected exactly one of restart, kill, stop, "),
        (
            "- {at: 1, lasting: 1, kill: {node: any}, stop: {node: any}}\n",
            "s.yaml:6: faults.0: expected exactly one of restart, kill, stop, ",
        ),
        (
            "- {kill: {node: any}}\n",
            "s.yaml:6: faults.0: expected exactly one of at, every, during, randomly; got none",
        ),
        (
            "- at: 1\n  every: 2\n  restart: {node: any}\n",
            "s.yaml:6: faults.0: expected exactly one of at, every, during, randomly; got at, every",
        ),
        (
            "- during: {start: 1, end: 2}\n  lasting: 3\n  kill: {node: any}\n",
            "s.yaml:7: faults.0.lasting: goes with at or every, not with during",
        ),
        ("- at: 1\n  first: 1\n  restart: {node: any}\n", "s.yaml:7: faults.0.first: goes with every, not with at"),
        (
            "- kill: {node: any}\n  randomly:\n    of: [{kill: {node: any}}]\n    gap: {min: 1, max: 2}\n"
            "    lasting: {min: 1, max: 2}\n",
            "s.yaml:6: faults.0.kill: the faults of randomly belong below randomly.of",
        ),
        (
            "- randomly:\n    of:\n    - {kill: {node: any}}\n    - {loss: {rate: 2}}\n    gap: {min: 1, max: 2}\n"
            "    lasting: {min: 1, max: 2}\n",
            "s.yaml:9: faults.0.randomly.of.1.loss.rate: expected less than or equal to 1 (got 2)",
        ),
        ("- {at: 1, lasting: 1, explode: {}}\n", "s.yaml:6: faults.0.explode: unknown field; known here: restart, "),
    ],
)
def test_nonsense_is_refused_with_file_line_and_field(faults: str, problem: str) -> None:
    assert problem_of(HEAD + faults).startswith(problem)


def test_faults_of_nodes_need_node_control() -> None:
    text = (HEAD + "- {at: 1, lasting: 1, kill: {node: any}}\n").replace("node_control: true", "node_control: false")
    assert problem_of(text) == (
        "s.yaml:6: faults.0: kill needs node control; call enable_node_control(), or say node_control: true in a file"
    )


@pytest.mark.parametrize(
    ("expectation", "problem"),
    [
        (
            "eventually: {within: 5, condition: {}}",
            "expectations.0.eventually.condition: expected exactly one of nodes_",
        ),
        (
            "always: {condition: {nodes_within: {blocks: -1}}}",
            "expectations.0.always.condition.nodes_within.blocks: expe",
        ),
        ("no_stalls: {slots: 0}", "expectations.0.no_stalls.slots: expected greater than 0 (got 0)"),
        (
            "recovers_from_faults: {within: 0}",
            "expectations: expectation 'recovers_from_faults' failed to initialize: w",
        ),
    ],
)
def test_expectations_that_watch_are_checked_too(expectation: str, problem: str) -> None:
    found = problem_of(f"run_for: 60\nexpectations:\n- {expectation}\n")
    assert problem.removeprefix("expectations: ") in found
