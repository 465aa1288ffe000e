"""The wishes of a scenario for its pods: in Python, in a file, and in what a run leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.pod_values import label_defect, quantity_defect
from nomos_testing.scenario.errors import ScenarioBuildError, ScenarioFileError
from nomos_testing.scenario.file.loader import parse_scenario
from nomos_testing.scenario.replay import load_replay
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.topology import PodPlacement
from support.inputs.stored_run import left_by

FILE = """
run_for: 60
k8s:
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits:
      cpu: 2
      memory: 1.5Gi
  node_selector: {kubernetes.io/hostname: worker-1}
  spread: false
"""
PLACEMENT = PodPlacement(
    requests={"cpu": "100m", "memory": "256Mi"},
    limits={"cpu": "2", "memory": "1.5Gi"},
    node_selector={"kubernetes.io/hostname": "worker-1"},
    spread=False,
)


def built(**k8s: Any) -> Scenario:
    return ScenarioBuilder.topology(validators=1).k8s(**k8s).run_for(seconds=60).build()


def test_a_file_and_the_builder_say_the_same() -> None:
    limits = {"cpu": "2", "memory": "1.5Gi"}
    selector = {"kubernetes.io/hostname": "worker-1"}
    made = built(requests={"cpu": "100m", "memory": "256Mi"}, limits=limits, node_selector=selector, spread=False)
    assert made.k8s == parse_scenario(FILE, "s.yaml").k8s == PLACEMENT


def test_a_scenario_that_says_nothing_spreads_its_pods() -> None:
    scenario = parse_scenario("run_for: 60", "s.yaml")
    assert scenario.k8s == PodPlacement(spread=True)
    assert scenario.source.document is not None
    assert "k8s" not in scenario.source.document


def test_a_replay_asks_for_the_same_pods(tmp_path: Path) -> None:
    again = load_replay(left_by(parse_scenario(FILE, "s.yaml"), tmp_path))
    assert again.k8s == PLACEMENT


@pytest.mark.parametrize(
    ("given", "wrong", "problem"),
    [
        ("cpu: 2", "cpu: lots", "s.yaml:7: k8s.resources.limits.cpu: 'lots' is no quantity of cpu; expected a number"),
        ("cpu: 100m", "'': 100m", "s.yaml:5: k8s.resources.requests.: '' is no resource"),
        ("worker-1", "worker_1-", "s.yaml:9: k8s.node_selector.kubernetes.io/hostname: 'worker_1-' is no value of a"),
        ("hostname:", "host name:", "s.yaml:9: k8s.node_selector.kubernetes.io/host name: 'kubernetes.io/host name'"),
        ("worker-1", "true", "s.yaml:9: k8s.node_selector.kubernetes.io/hostname: expected a valid string (got True)"),
        ("spread: false", "spread: sometimes", "s.yaml:10: k8s.spread: expected a valid boolean (got 'sometimes')"),
        ("spread:", "apart:", "s.yaml:10: k8s.apart: unknown field; known here: resources, node_selector, spread"),
        ("limits:", "limit:", "s.yaml:6: k8s.resources.limit: unknown field; known here: requests, limits"),
    ],
)
def test_what_no_cluster_takes_is_refused_with_its_line(given: str, wrong: str, problem: str) -> None:
    with pytest.raises(ScenarioFileError) as refused:
        parse_scenario(FILE.replace(given, wrong), "s.yaml")
    (found,) = refused.value.problems
    assert str(found).startswith(problem)


def test_the_builder_names_the_field_as_the_file_does() -> None:
    with pytest.raises(ScenarioBuildError, match=r"^k8s\.resources\.requests\.memory: '12 GB' is no quantity of mem"):
        built(requests={"memory": "12 GB"})


@pytest.mark.parametrize(
    "quantity", ["0", "1", "0.5", ".5", "5.", "100m", "256Mi", "1Gi", "2E", "1e3", "1E-3", "5k", "7u", "12Ki"]
)
def test_quantities_of_every_form_are_known(quantity: str) -> None:
    assert quantity_defect("cpu", quantity) is None


@pytest.mark.parametrize("quantity", ["", ".", "m", "-1", "1 Gi", "1GB", "1mi", "K", "1K", "1e", "0x10", "1.2.3"])
def test_other_texts_are_no_quantities(quantity: str) -> None:
    assert quantity_defect("cpu", quantity) is not None


@pytest.mark.parametrize(
    ("key", "value", "is_one"),
    [
        ("disk", "", True),
        ("a.b-c_d", "A.b-C_1", True),
        ("example.com/disk", "ssd", True),
        ("x" * 63, "y" * 63, True),
        ("x" * 64, "y", False),
        ("x", "y" * 64, False),
        ("Example.com/disk", "ssd", False),
        ("/disk", "ssd", False),
        ("a/b/c", "ssd", False),
        (f"{'p' * 254}/disk", "ssd", False),
        ("-disk", "ssd", False),
        ("disk", "ssd-", False),
    ],
)
def test_labels_follow_the_rules_of_kubernetes(key: str, value: str, is_one: bool) -> None:
    assert (label_defect(key, value) is None) is is_one
