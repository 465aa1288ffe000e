from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.scenario.errors import FileProblem, ScenarioFileError
from nomos_testing.scenario.file.loader import load_scenario, parse_scenario
from nomos_testing.scenario.file.schema import json_schema
from nomos_testing.settings import Settings
from nomos_testing.topology import Layout, WalletSpec
from nomos_testing.topology.presets import original_parameters, standard_parameters

ROOT = Path(__file__).parents[4]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def test_a_file_chooses_the_parameters_of_data_availability() -> None:
    text = "topology: {validators: 3, data_availability: original}\nrun_for: 60\n"
    assert parse_scenario(text, "s.yaml").topology.da == original_parameters(3)
    standard = parse_scenario("topology: {validators: 3, sampling_delay: 4}\nrun_for: 60\n", "s.yaml")
    assert standard.topology.da == replace(standard_parameters(3), sampling_delay=4.0)


def test_the_environments_sampling_delay_is_planned_with() -> None:
    text = "topology: {validators: 3, sampling_delay: 4}\nrun_for: 60\n"
    scenario = parse_scenario(text, "s.yaml", Settings(sampling_delay_seconds=7))
    assert scenario.topology.da.sampling_delay == 7


def _problems(text: str) -> list[str]:
    with pytest.raises(ScenarioFileError) as caught:
        parse_scenario(text, "s.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_file_says_what_the_builder_would() -> None:
    scenario = parse_scenario(
        "name: x\ntopology: {validators: 3, executors: 1, layout: chain}\nslot: {seconds: 1, active_slot_coeff: 0.5}\n"
        "wallets: {users: 10, total: 55}\nworkloads: [{transactions: {rate: 2, users: 4, once_per_account: true}}]\n"
        "expectations: [{consensus_liveness: {lag_allowance: 1}}]\nrun_for: {slots: 20}\nseed: 5\nnode_control: true\n",
        "s.yaml",
    )
    assert (scenario.name, scenario.seed, scenario.node_control, scenario.duration) == ("x", 5, True, 20)
    topology = scenario.topology
    assert (topology.validators, topology.executors, topology.layout) == (3, 1, Layout.CHAIN)
    assert (topology.slot_duration, topology.active_slot_coeff) == (1, 0.5)
    assert topology.wallet == WalletSpec(total=55, users=10)
    assert [workload.file_section() for workload in scenario.workloads] == [
        {"transactions": {"rate": 2, "users": 4, "once_per_account": True}}
    ]
    assert [item.name for item in scenario.expectations] == ["tx_inclusion_expectation", "consensus_liveness"]


@pytest.mark.parametrize(
    ("file", "name"), [("runs/soak.yaml", "soak"), ("v1.2-fast.yml", "v1.2-fast"), ("two words.yaml", "scenario")]
)
def test_a_file_without_a_name_gives_its_own_where_that_can_be_a_scenarios(file: str, name: str) -> None:
    assert parse_scenario("run_for: 8", file).name == name
    assert parse_scenario("name: given\nrun_for: 8", file).name == "given"


def test_without_a_slot_section_the_environment_sets_the_clock() -> None:
    scenario = parse_scenario("run_for: 8", "s.yaml", Settings(slot_seconds=0.5, active_slot_coeff=0.8))
    assert (scenario.topology.slot_duration, scenario.topology.active_slot_coeff) == (0.5, 0.8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "s.yaml:1: malformed YAML: expected the node content, but found '<stream end>'"),
        ("run_for: 1\n\tx: 1", "s.yaml:2: malformed YAML"),
        ("- 1", "s.yaml:1: expected a mapping with at least `run_for`"),
        ("", "s.yaml:1: expected a mapping with at least `run_for`"),
        ("wallets: 3", "s.yaml:1: run_for: is missing"),
        ("run_for: 60\nwallets: -1", "s.yaml:2: wallets: expected greater than or equal to 1 (got -1)"),
        ("run_for: 60\nworkloadz: []", "s.yaml:2: workloadz: unknown field; known here: name, topology"),
        (
            "run_for: 60\ntopology:\n  validators: a",
            "s.yaml:3: topology.validators: expected a valid integer (got 'a')",
        ),
        (
            "run_for: 60\ntopology: {data_availability: best}",
            "s.yaml:2: topology.data_availability: expected 'standard' or 'original'",
        ),
        ("run_for: 60\ntopology: {layout: ring}", "s.yaml:2: topology.layout: expected 'star', 'chain' or 'full'"),
        ("run_for: 60\ntopology: {validators: 0}", "s.yaml:2: topology: topology must include at least one node"),
        ("run_for: {seconds: 1, slots: 2}", "s.yaml:1: run_for: expected exactly one of seconds, slots; got seconds"),
        ("run_for: 60\nworkloads:\n  - {}", "s.yaml:3: workloads.0: expected exactly one of transactions, "),
        (
            "run_for: 60\nwallets: {users: 9, total: 5}",
            "s.yaml:2: wallets: wallet funds must allocate at least",
        ),
        ("run_for: 60\nrun_for: 4", "s.yaml:2: 'run_for' is given twice"),
        ("run_for: .nan", "s.yaml:1: run_for: expected a finite number"),
        (
            "run_for: 60\nwallets: 9\nworkloads:\n- transactions:\n    rate: 0",
            "s.yaml:5: workloads.0.transactions.rate: expected greater than or equal to 1 (got 0)",
        ),
        (
            "run_for: 60\nworkloads:\n- transactions: {rate: 5}",
            "s.yaml:3: workloads.0: workload 'tx_workload' failed to initialize: transaction workload requires seeded",
        ),
    ],
)
def test_an_error_cites_file_line_and_field(text: str, expected: str) -> None:
    (problem, *_) = _problems(text)
    assert problem.startswith(expected)


def test_all_problems_are_reported_at_once() -> None:
    problems = _problems("wallets: 0\ntopology: {validators: -1}\nseed: x\n")
    assert [problem.split(": ")[1] for problem in problems] == ["topology.validators", "wallets", "run_for", "seed"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(ScenarioFileError, match=r"none\.yaml:1: cannot be read: No such file"):
        load_scenario(missing)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioFileError, match="not UTF-8 text"):
        load_scenario(binary)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_build_and_satisfy_the_published_schema(path: Path) -> None:
    load_scenario(path)
    published = json.loads((ROOT / "docs/scenario.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(path.read_text()), published)


def test_the_published_schema_is_fresh() -> None:
    assert json.loads((ROOT / "docs/scenario.schema.json").read_text()) == json_schema()


_KEYS = st.sampled_from(
    ["name", "topology", "validators", "slot", "seconds", "wallets", "workloads", "transactions", "run_for", "seed"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 100) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=6))
def test_any_document_either_builds_or_is_refused_with_a_place(document: dict[str, Any]) -> None:
    problems: tuple[FileProblem, ...] = ()
    try:
        parse_scenario(yaml.safe_dump(document), "s.yaml")
    except ScenarioFileError as error:
        problems = error.problems
    assert all(problem.message and problem.line >= 1 for problem in problems)
