"""Faults and schedules as JSON: what was written is what is read, and anything else is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.cluster.links import Links
from nomos_testing.faults.fault import Fault
from nomos_testing.faults.notation import fault_from_json
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.faults.schedule import Entry
from nomos_testing.faults.vocabulary import FAULT_WORDS, Isolate, Latency, Loss, Partition, Pause, Restart
from nomos_testing.scenario.errors import ScenarioError
from nomos_testing.scenario.file.build_faults import EntryBuilder
from nomos_testing.scenario.file.schema import file_model
from support.inputs.fault_strategies import entries, faults, node_names

NODES = node_names(3, 2)
KEYS = st.sampled_from([*FAULT_WORDS, "node", "nodes", "groups", "rate", "path", "number", "inject_at"])
PLANNED = {"number": 1, "origin": "faults", "path": "faults.0", "inject_at": 1.0, "heal_at": 2.0}


def refuse(path: tuple[str | int, ...], problem: str) -> None:
    raise ScenarioError(f"{path}: {problem}")


@given(faults(NODES))
def test_a_fault_is_read_as_it_was_written(fault: Fault) -> None:
    assert fault_from_json(json.loads(json.dumps(fault.to_json()))) == fault


@given(entries(faults(NODES)))
def test_an_entry_is_read_from_a_scenario_file_as_it_was_written(entry: Entry) -> None:
    assert not hasattr(entry, "targets")
    document = {"run_for": 60, "faults": [json.loads(json.dumps(entry.to_json()))]}
    (section,) = file_model().model_validate(document).faults
    assert EntryBuilder(FAULT_WORDS, refuse).entry(section) == entry


@pytest.mark.parametrize(
    ("fault", "value", "text"),
    [
        (Restart("any", wipe_data=True), {"restart": {"node": "any", "wipe_data": True}}, "with wiped data"),
        (Pause("validator-0"), {"pause": {"node": "validator-0"}}, "pause validator-0"),
        (Isolate("executor-0"), {"isolate": {"node": "executor-0"}}, "isolate executor-0"),
        (Partition.halves(), {"partition": {}}, "partition into halves"),
        (
            Partition.of(["a"], ["c", "b"], one_way=True),
            {"partition": {"groups": [["a"], ["b", "c"]], "one_way": True}},
            "partition a -> b, c",
        ),
        (Loss(rate=0.25), {"loss": {"rate": 0.25}}, "loss 0.25 on all links"),
        (
            Latency(seconds=0.1, jitter=0.02, links=Links.towards(["a"], ["b"])),
            {"latency": {"seconds": 0.1, "jitter": 0.02, "nodes": ["a"], "peers": ["b"], "one_way": True}},
            "latency 0.1 s +-0.02 s on a -> b",
        ),
    ],
)
def test_how_faults_are_written(fault: Fault, value: dict[str, Any], text: str) -> None:
    assert fault.to_json() == value
    assert text in str(fault)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({}, "expected one fault, got none"),
        ({"kill": {"node": "a"}, "stop": {"node": "a"}}, "expected one fault, got kill, stop"),
        ({"explode": {}}, f"unknown fault 'explode'; expected one of {', '.join(FAULT_WORDS)}"),
        ({"kill": {"nodes": "a"}}, "kill.node: is missing"),
        ({"kill": {}}, "kill.node: is missing"),
        ({"loss": {"rate": 0.1, "share": 1}}, "loss.share: unknown field"),
    ],
)
def test_what_is_no_fault_is_refused(value: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        fault_from_json(value)


@pytest.mark.parametrize("missing", PLANNED)
def test_a_planned_fault_without_a_field_is_refused(missing: str) -> None:
    value = {name: given for name, given in PLANNED.items() if name != missing} | {"kill": {"node": "a"}}
    with pytest.raises(ValueError, match=f"not a planned fault .*{missing}"):
        FaultPlan.from_json([value])


@given(st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.dictionaries(KEYS, inner)))
def test_any_json_is_a_plan_or_refused_as_a_value(value: Any) -> None:
    plan = None
    with suppress(ValueError):
        plan = FaultPlan.from_json([PLANNED | value] if isinstance(value, dict) else [PLANNED])
    assert plan is None or len(plan) == 1
