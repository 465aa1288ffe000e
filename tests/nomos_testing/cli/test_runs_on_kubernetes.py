"""Runs on Kubernetes, from the command line's side, as far as they need no cluster."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from nomos_testing import ScenarioBuilder
from nomos_testing.cli import k8s_runner, main, run_and_report
from nomos_testing.deployers import selection
from support.inputs.stored_run import left_by
from support.repository.repository_copy import REPOSITORY

DEMO = str(REPOSITORY / "examples/demo.yaml")


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kube config and no pod around this process."""
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.main, arguments)


def test_the_demo_without_a_cluster_is_skipped(tmp_path: Path) -> None:
    done = CliRunner().invoke(k8s_runner.main, ["--runs-dir", str(tmp_path / "runs")])
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: Kubernetes cluster unavailable (KUBECONFIG=")
    assert done.stderr.endswith("; skipping\n")
    assert not (tmp_path / "runs").exists()


def test_a_demo_that_no_network_can_run_has_the_runners_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_DEMO_VALIDATORS", "0")
    monkeypatch.setenv("K8S_DEMO_EXECUTORS", "0")
    done = CliRunner().invoke(k8s_runner.main, [])
    assert done.exit_code == 1
    assert done.stderr.startswith("k8s scenario failed: topology must include at least one node")


def test_a_scenario_without_a_cluster_can_not_run(tmp_path: Path) -> None:
    done = run("run", DEMO, "--on", "k8s", "--runs-dir", str(tmp_path / "runs"))
    assert done.exit_code == 1
    assert done.stderr.startswith("cannot run scenario demo: Kubernetes cluster unavailable (KUBECONFIG=")


def test_a_run_on_kubernetes_is_replayed_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    monkeypatch.setattr(run_and_report, "run_on", lambda on, *rest, **more: chosen.append(on) or 0)
    monkeypatch.setattr("nomos_testing.scenario.replay.deployer_of", lambda directory: "k8s")
    left = left_by(ScenarioBuilder.topology(validators=1).run_for(seconds=60).build(), tmp_path)
    assert run("replay", str(left)).exit_code == 0
    assert run("replay", str(left), "--on", "k8s").exit_code == 0
    assert chosen == ["k8s", "k8s"]


def test_without_its_package_the_run_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    absent = "kubernetes_asyncio"
    monkeypatch.setattr(selection, "find_spec", lambda name: None if name == absent else found(name))
    done = run("run", DEMO, "--on", "k8s")
    assert done.exit_code == 1
    assert "scenario demo failed: the package kubernetes-asyncio is not installed\n  -> pip install" in done.stderr


def test_an_export_is_one_of_kubernetes() -> None:
    done = run("run", DEMO, "--export", "somewhere")
    assert done.exit_code == 2
    assert "--export writes manifests of Kubernetes: it needs --on k8s" in done.stderr


def test_an_export_needs_no_cluster_and_lists_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_RUNNER_REQUESTS", "cpu=7m")
    monkeypatch.setenv("NOMOS_TESTNET_IMAGE_PULL_POLICY", "Sometimes")
    target = tmp_path / "manifests"
    done = run("run", DEMO, "--on", "k8s", "--export", str(target))
    assert done.exit_code == 0, done.stderr
    assert "warning: NOMOS_TESTNET_IMAGE_PULL_POLICY='Sometimes' is not one of" in done.stderr
    assert f"kubectl apply -f {target} starts the network" in done.stderr
    files = [Path(line) for line in done.stdout.splitlines()]
    assert files == sorted(target.iterdir())
    manifests = [manifest for file in files for manifest in yaml.safe_load_all(file.read_text())]
    pods = {entry["metadata"]["name"]: entry["spec"] for entry in manifests if entry["kind"] == "Pod"}
    assert {"nomos-validator-0", "nomos-executor-0"} <= set(pods)
    assert pods["nomos-validator-0"]["containers"][0]["resources"]["requests"] == {"cpu": "7m"}


def test_an_export_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("run", DEMO, "--on", "k8s", "--export", str(tmp_path / "file/below"))
    assert done.exit_code == 1
    assert "scenario demo failed: the manifests cannot be written to" in done.stderr


def test_help_does_not_load_what_a_run_needs() -> None:
    program = (
        "import sys; from click.testing import CliRunner; from nomos_testing.cli.k8s_runner import main; "
        "CliRunner().invoke(main, ['--help']); "
        "print([name for name in ('kubernetes_asyncio', 'aiohttp', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
