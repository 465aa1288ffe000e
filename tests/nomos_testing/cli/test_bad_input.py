"""What the programs answer to input they cannot use: which line of text, and which exit code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.processes.fake_node_processes import FAKE_ANSWER
from support.processes.live_network import PROGRAMS, live_environment

SCENARIO = "topology: {validators: 1, executors: 1}\nrun_for: 5\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory to run in, with a scenario and a node program that ends at once."""
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    program = tmp_path / "dying-node"
    program.write_text(f"#!/bin/sh\n{FAKE_ANSWER}\necho starting\necho 'the last words' >&2\nexit 3\n")
    program.chmod(0o755)
    return tmp_path


def run(place: Path, program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=place,
        env=live_environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(place: Path, program: str, *arguments: str, code: int = 1, **variables: str) -> str:
    """What a program says that ends with ``code`` and has started nothing."""
    done = run(place, program, *arguments, **variables)
    assert done.returncode == code, done.stderr
    assert not list(place.glob(".tmp/runs/*/*/")), "a node was started"
    return done.stderr


@pytest.mark.parametrize("program", ["local_runner", "nomos-testing", "nomos-node", "nomos-executor", "nomos-cli"])
def test_an_unknown_flag_is_wrong_usage(place: Path, program: str) -> None:
    assert "--nope" in refusal(place, program, "--nope", code=2)


def test_a_missing_program_is_named_with_its_variable(place: Path) -> None:
    text = refusal(place, "local_runner", NOMOS_NODE_BIN="/nowhere/nomos-node")
    assert "NOMOS_NODE_BIN=/nowhere/nomos-node does not exist" in text
    assert "-> point NOMOS_NODE_BIN to a nomos-node program, or unset it" in text


def test_a_network_without_nodes_is_refused(place: Path) -> None:
    text = refusal(place, "local_runner", NOMOS_DEMO_VALIDATORS="0", NOMOS_DEMO_EXECUTORS="0")
    assert "topology must include at least one node" in text


def test_a_number_that_is_none_is_named_with_the_one_used_instead(place: Path) -> None:
    text = refusal(place, "local_runner", NOMOS_DEMO_VALIDATORS="many", NOMOS_NODE_BIN="/nowhere")
    assert "warning: NOMOS_DEMO_VALIDATORS='many' is not a whole number, 0 or more; using 1" in text


def test_real_proofs_without_circuits_name_what_is_missing(place: Path) -> None:
    text = refusal(place, "local_runner", POL_PROOF_DEV_MODE="false", NOMOS_PROVER="", NOMOS_CIRCUITS=str(place))
    assert f"POL_PROOF_DEV_MODE is 'false', so real proofs are needed, but {place}" in text
    assert "scripts/setup-nomos-circuits.sh" in text


def test_an_impossible_log_directory_is_named(place: Path) -> None:
    text = refusal(
        place, "local_runner", NOMOS_TESTS_TRACING="true", NOMOS_LOG_DIR=str(place / "scenario.yaml" / "logs")
    )
    assert f"the log directory {place}/scenario.yaml/logs cannot be made: Not a directory" in text
    assert "-> point NOMOS_LOG_DIR to a place you can write to" in text


def test_an_impossible_runs_directory_is_named(place: Path) -> None:
    text = refusal(place, "local_runner", "--runs-dir", "dying-node/runs")
    assert "the runs directory dying-node/runs cannot be made: Not a directory" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("topology: {validators: 1\nrun_for: 5\n", "scenario.yaml:2: malformed YAML: expected ',' or '}'"),
        (
            "topology: {validators: 1}\nwarets: 5\n",
            "scenario.yaml:2: warets: unknown field; known here: name,",
        ),
        ("topology:\n  validators: 0\nrun_for: 5\n", "topology must include at least one node"),
        ("topology: {validators: two}\nrun_for: 5\n", "scenario.yaml:1: topology.validators: "),
    ],
)
def test_a_scenario_that_cannot_be_read_is_named_by_line_and_field(place: Path, text: str, expected: str) -> None:
    (place / "scenario.yaml").write_text(text)
    assert expected in refusal(place, "nomos-testing", "run", "scenario.yaml")
    assert expected in refusal(place, "nomos-testing", "plan", "scenario.yaml")


def test_a_scenario_that_is_not_there_is_named(place: Path) -> None:
    assert "missing.yaml:1: cannot be read: No such file" in refusal(place, "nomos-testing", "run", "missing.yaml")


def test_a_node_that_dies_at_start_is_shown_with_its_last_lines_and_kept(place: Path, kzg_file: Path) -> None:
    program = str(place / "dying-node")
    done = run(
        place,
        *("nomos-testing", "run", "scenario.yaml"),
        NOMOS_NODE_BIN=program,
        NOMOS_EXECUTOR_BIN=program,
        NOMOS_KZGRS_PARAMS_PATH=str(kzg_file),
    )
    assert done.returncode == 1
    assert "ended before it was ready: exit code 3; its last lines:\n  | starting\n  | the last words" in done.stderr
    assert "\nits program: /" in done.stderr
    (run_directory,) = (place / ".tmp/runs").iterdir()
    assert f"evidence: {run_directory}" in done.stderr
    assert "the last words" in (run_directory / "validator-0/stderr.log").read_text()
    assert (run_directory / "journal.jsonl").is_file()
