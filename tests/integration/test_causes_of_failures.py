"""A run that is made to fail names its cause: in the first three lines of its output, and in its diagnosis."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml

from nomos_testing import LocalDeployer, ScenarioBuilder, Settings
from nomos_testing.cli.run_and_report import run_and_report
from nomos_testing.deployers.local.planning import plan_network
from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.diagnose import diagnose, signature_of
from nomos_testing.evidence.run_record import read_run
from nomos_testing.outcome import VerdictKind
from support.inputs import mishaps
from support.processes.live_network import PROGRAMS, live_environment

LIVE = [pytest.mark.slow, pytest.mark.network]
KILLED = "validator-1 was killed at slot "
OF_THREE: dict[str, Any] = {
    "topology": {"validators": 3, "layout": "full"},
    "slot": {"seconds": 0.25},
    "node_control": True,
    "network_control": True,
    "expectations": [{"always": {"condition": {"nodes_within": {"blocks": 8}}}}],
    "run_for": {"slots": 24},
    "seed": 5,
}


def mishap(kind: mishaps.Kind, **fields: Any) -> dict[str, Any]:
    return OF_THREE | {"plugins": ["mishaps.py"], "workloads": [{"mishap": {"of": kind}}]} | fields


def fault(**what: Any) -> dict[str, Any]:
    return OF_THREE | {"faults": [{"at": {"slots": 4}, "lasting": {"slots": 28}, **what}], "run_for": {"slots": 32}}


def ran(directory: Path, scenario: dict[str, Any], **variables: str) -> subprocess.CompletedProcess[str]:
    file = directory / "scenario.yaml"
    file.write_text(yaml.safe_dump(scenario))
    shutil.copy(str(mishaps.__file__), directory)
    command = [PROGRAMS / "nomos-testing", "run", file, "--runs-dir", directory / "runs"]
    return subprocess.run(
        command, env=live_environment(**variables), capture_output=True, text=True, timeout=200, check=False
    )


def cause_of(directory: Path, output: str, kind: VerdictKind = VerdictKind.FAILED) -> Cause:
    """Return the first cause of the only run. It is checked that the first three lines tell it."""
    (run,) = (directory / "runs").iterdir()
    record = read_run(run)
    causes = diagnose(record)
    assert causes, output
    first, second, third = output.splitlines()[:3]
    assert first.startswith(f"verdict: {kind} ("), output
    assert second == f"cause ({causes[0].confidence}): {causes[0].title}"
    assert third == f"try: {causes[0].remedy}"
    assert record.summary.kind is kind
    assert signature_of(record).endswith(causes[0].known)
    assert causes[0].title in unescape((run / "report.html").read_text())
    certain = {cause.known for cause in causes if cause.confidence == "certain"}
    assert certain <= {causes[0].known}, "another cause is called certain, too"
    return causes[0]


def cause_of_a_run(directory: Path, scenario: dict[str, Any], **variables: str) -> Cause:
    done = ran(directory, scenario, **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    return cause_of(directory, done.stdout)


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep processors busy with programs beside the network."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class TestOnLiveNodes:
    """What happens to nodes and links while a network runs."""

    pytestmark = LIVE

    @pytest.mark.nightly
    def test_a_node_that_a_workload_killed(self, tmp_path: Path) -> None:
        cause = cause_of_a_run(tmp_path, mishap("kill"))
        assert (cause.known, cause.node, cause.confidence) == ("node-killed", "validator-1", "certain")
        assert cause.title.startswith(KILLED)
        assert cause.title.endswith("by a workload and not started again before the end of the run")

    def test_a_node_that_a_fault_killed(self, tmp_path: Path) -> None:
        cause = cause_of_a_run(tmp_path, fault(kill={"node": "validator-1"}))
        assert (cause.known, cause.done_to_it) == ("node-killed", "fault 1: kill validator-1")
        assert cause.title.startswith(KILLED)

    def test_a_partition_that_was_kept(self, tmp_path: Path) -> None:
        cause = cause_of_a_run(tmp_path, mishap("cut"))
        assert (cause.known, cause.confidence) == ("partition-kept", "certain")
        assert "validator-1 | validator-0, validator-2" in cause.title

    def test_a_full_disk(self, tmp_path: Path) -> None:
        cause = cause_of_a_run(tmp_path, mishap("fill disk"))
        assert (cause.known, cause.node, cause.confidence) == ("disk-full", "validator-1", "certain")

    def test_a_clock_that_is_wrong(self, tmp_path: Path) -> None:
        cause = cause_of_a_run(tmp_path, fault(clock_skew={"node": "validator-1", "seconds": -3600}))
        assert (cause.known, cause.node, cause.confidence) == ("clock-skewed", "validator-1", "certain")
        assert "-3600 s off" in cause.title

    def test_a_slow_node(self, tmp_path: Path) -> None:
        scenario = mishap("slow", run_for={"slots": 40}, expectations=[{"no_stalls": {"slots": 8}}])
        cause = cause_of_a_run(tmp_path, scenario)
        assert (cause.known, cause.node) == ("node-slow", "validator-1")
        assert cause.title.startswith("validator-1 was slow: for ")

    def test_a_bug_in_a_workload(self, tmp_path: Path) -> None:
        done = ran(tmp_path, mishap("bug"))
        assert done.returncode == 1, done.stdout + done.stderr
        cause = cause_of(tmp_path, done.stdout, VerdictKind.ERRORED_TEST)
        assert (cause.known, cause.failure, cause.confidence) == ("bug-in-workload", "mishap", "certain")
        assert cause.title.startswith("workload mishap raised KeyError: 'missing' at ")
        assert "mishaps.py:" in cause.title

    def test_a_port_that_another_program_has(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        taken = socket.socket()

        def planned(*arguments: Any) -> Any:
            network = plan_network(*arguments)
            release = network.release_ports

            def release_and_take() -> None:
                release()
                host, _, port = network.blueprints[1].url.removeprefix("http://").partition(":")
                if taken.getsockname()[1] == 0:
                    taken.bind((host, int(port)))
                    taken.listen()

            return replace(network, release_ports=release_and_take)

        scenario = ScenarioBuilder.topology(validators=2).named("port").run_for(seconds=5).build()
        deployer = partial(LocalDeployer, runs_directory=tmp_path / "runs", planner=planned)
        with taken:
            code = run_and_report(
                scenario,
                Settings(pol_proof_dev_mode=True),
                lambda listener: deployer(listeners=[listener], environ=live_environment()),
                what="port",
            )
        assert code == 1
        cause = cause_of(tmp_path, capsys.readouterr().out)
        assert (cause.known, cause.node, cause.confidence) == ("port-taken", "validator-1", "certain")


class TestBeforeTheStart:
    """What the preflight finds. Nothing is started."""

    pytestmark = pytest.mark.slow

    def test_kzg_parameters_that_were_removed(self, tmp_path: Path) -> None:
        gone = tmp_path / "kzgrs_test_params"
        scenario = {
            "topology": {"validators": 1, "executors": 1},
            "workloads": [{"data_availability": {"blob_rate": 1}}],
            "run_for": 30,
        }
        cause = cause_of_a_run(tmp_path, scenario, NOMOS_KZGRS_PARAMS_PATH=str(gone))
        assert (cause.known, cause.failure) == ("kzg-missing", "preflight")
        assert str(gone) in cause.title
        assert f"nomos-testing kzg-params {gone}" in cause.remedy

    def test_a_program_that_is_no_node(self, tmp_path: Path) -> None:
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\necho hello\n")
        program.chmod(0o755)
        cause = cause_of_a_run(tmp_path, OF_THREE, NOMOS_NODE_BIN=str(program))
        assert cause.known == "program-wrong"
        assert "is no node: it ended with 0 and wrote 'hello'" in cause.title
        assert "NOMOS_NODE_BIN" in cause.remedy

    def test_real_proofs_without_circuits(self, tmp_path: Path) -> None:
        variables = {"POL_PROOF_DEV_MODE": "false", "NOMOS_CIRCUITS": str(tmp_path / "none"), "NOMOS_PROVER": ""}
        cause = cause_of_a_run(tmp_path, OF_THREE, **variables)
        assert cause.known == "circuits-missing"
        assert "POL_PROOF_DEV_MODE=true" in cause.remedy

    def test_wallets_that_are_too_few_are_refused_with_the_line_and_the_number(self, tmp_path: Path) -> None:
        workload = {"transactions": {"rate": 50}}
        done = ran(tmp_path, OF_THREE | {"wallets": 1, "workloads": [workload]})
        assert done.returncode == 1
        first = done.stderr.splitlines()[0]
        assert "1 account cannot keep that rate" in first
        assert "Fund " in first
        assert not (tmp_path / "runs").exists()


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.nightly
def test_a_machine_with_four_busy_loops_is_called_slow(tmp_path: Path) -> None:
    scenario = OF_THREE | {
        "topology": {"validators": 6, "layout": "full"},
        "slot": {"seconds": 0.1},
        "workloads": [{"transactions": {"rate": 5}}],
        "wallets": 200,
        "expectations": [{"consensus_liveness": {}}],
        "run_for": {"slots": 150},
    }
    with busy_loops(4):
        done = ran(tmp_path, scenario)
    assert done.returncode == 1, done.stdout + done.stderr
    cause = cause_of(tmp_path, done.stdout, VerdictKind.SLOW)
    assert (cause.known, cause.confidence) == ("machine-overloaded", "certain")
    assert "this machine does not keep up with slots of 0.1 s" in cause.title
    assert "busy" in cause.title
