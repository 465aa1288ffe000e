"""``k8s_runner`` and ``nomos-testing run --on k8s`` on a real cluster, with the commands of the manual beside them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION
from nomos_testing.journal.events import PhaseStarted
from nomos_testing.journal.journal import read_journal
from support.processes.embedded_node import wait_until
from support.processes.kubernetes_cluster import require_cluster
from support.processes.live_cluster import cluster_environment, kubectl
from support.processes.live_network import PROGRAMS
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

MANUAL = REPOSITORY / "docs/operations.md"
GONE_SECONDS = 60.0
UP_SECONDS = 120.0
LOG_LINE = r"pod_supervisor: |:\d\d\.\d+Z +[A-Z]+ \w+: "
"""Of a pod: from its supervisor, or from its node."""
SCENARIO = """
name: small
topology: {validators: 2}
slot: {seconds: 0.5}
node_control: true
faults:
  - {at: 2, lasting: 2, kill: {node: validator-1}}
expectations:
  - validator_heights: {blocks: 3}
k8s: {resources: {requests: {cpu: 11m}}}
run_for: 10
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace that exists before the run, and after it."""
    name = f"cli-{uuid4().hex[:12]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def kubeconfig(directory: Path, namespace: str) -> Path:
    """A kube config whose context has this namespace, as the manual's commands take it."""
    text = kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json")
    config = json.loads(text)
    config["contexts"][0]["context"]["namespace"] = namespace
    file = directory / "kubeconfig"
    file.write_text(json.dumps(config))
    file.chmod(0o600)
    return file


@contextmanager
def running(program: str, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(PROGRAMS / program), *arguments],
        cwd=REPOSITORY,
        env=cluster_environment(CONSENSUS_SLOT_TIME="0.5") | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_run(directory: Path) -> None:
    def began() -> bool:
        journals = list(directory.glob("*/journal.jsonl"))
        entries = (entry.event for file in journals for entry in read_journal(file))
        return any(isinstance(event, PhaseStarted) and event.phase == "run" for event in entries)

    wait_until("the phase run", began, patience=UP_SECONDS)


def blocks(title: str) -> list[str]:
    """The commands of a section of the manual, without comments."""
    section = MANUAL.read_text().partition(f"\n### {title}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    lines = "".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL)).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def shown_by(command: str, environment: dict[str, str], directory: Path) -> str:
    """What a command of the manual shows, or puts into its file. One that follows a log ends after the first line."""
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        if re.search(r" -f\b", command):
            assert process.stdout is not None
            return process.stdout.readline()
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, f"{command}: {output}"
        saved = re.search(r"> (\S+)$", command)
        return (directory / saved[1]).read_text() if saved else output
    finally:
        process.kill()
        process.communicate()


def pods(namespace: str) -> list[str]:
    return kubectl("-n", namespace, "get", "pods", "-o", "name").split()


def test_the_demo_passes_and_leaves_nothing(tmp_path: Path, namespace: str) -> None:
    chosen = {"K8S_NAMESPACE": namespace, "K8S_DEMO_VALIDATORS": "2", "K8S_DEMO_EXECUTORS": "0"}
    chosen |= {"K8S_DEMO_RUN_SECS": "20", "CONSENSUS_SLOT_TIME": "1"}
    runs = tmp_path / "runs"
    with running("k8s_runner", "--runs-dir", str(runs), **chosen) as process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    assert "validator_heights" in output
    assert "demo passed" in output
    assert pods(namespace) == []
    (kept,) = runs.iterdir()
    assert json.loads((kept / "plan.json").read_text())["namespace"] == namespace


def test_every_command_of_the_manual_shows_the_logs_of_a_run(tmp_path: Path, namespace: str) -> None:
    config = kubeconfig(tmp_path, namespace)
    environment = cluster_environment() | {"KUBECONFIG": str(config)}
    file, runs = tmp_path / "long.yaml", tmp_path / "runs"
    file.write_text("name: long\ntopology: {validators: 1, executors: 2}\nrun_for: 300\n")
    arguments = ("run", str(file), "--on", "k8s", "--runs-dir", str(runs))
    with running("nomos-testing", *arguments, K8S_NAMESPACE=namespace, KUBECONFIG=str(config)) as process:
        wait_for_run(runs)
        commands = [command.replace("my-namespace", namespace) for command in blocks("Logs on Kubernetes")]
        assert len(commands) == 9
        for command in commands:
            shown = shown_by(command, environment, tmp_path)
            # With labels kubectl shows the last lines only, from whatever part of the node.
            expected = r"(?m)^nomos-executor-1 " if command == "kubectl get pods" else LOG_LINE
            assert re.search(expected, shown), f"{command}: {shown}"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    assert pods(namespace) == []


def test_earlier_lives_of_a_node_are_in_the_log_of_its_pod_and_a_replay_is_the_same_run(
    tmp_path: Path, namespace: str
) -> None:
    file, runs = tmp_path / "small.yaml", tmp_path / "runs"
    file.write_text(SCENARIO)
    chosen = {"K8S_NAMESPACE": namespace, "K8S_RUNNER_PRESERVE": "1"}
    with running("nomos-testing", "run", str(file), "--on", "k8s", "--runs-dir", str(runs), **chosen) as process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    assert "small passed" in output
    # The pods stay, and the node that was killed began twice in one log.
    log = kubectl("-n", namespace, "logs", "nomos-validator-1")
    assert log.count("nomos_storage: opened ") == 2
    previous = kubectl("-n", namespace, "logs", "--previous", "nomos-validator-1", check=False)
    assert previous == ""
    asked = json.loads(kubectl("-n", namespace, "get", "pod", "nomos-validator-0", "-o", "json"))
    assert asked["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "11m"}
    kubectl("-n", namespace, "delete", "pods", "--all", "--grace-period=0", "--force")
    kubectl("-n", namespace, "delete", "services,configmaps", "-l", "logos-blockchain-testing.run")
    (run,) = runs.iterdir()
    again = {"K8S_NAMESPACE": namespace}
    with running("nomos-testing", "replay", str(run), "--runs-dir", str(tmp_path / "again"), **again) as process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    assert "replaying on k8s, where the run was made" in errors
    assert pods(namespace) == []


def test_exported_manifests_are_a_network_for_kubectl(tmp_path: Path) -> None:
    require_cluster()
    file, manifests = tmp_path / "small.yaml", tmp_path / "manifests"
    file.write_text(SCENARIO)
    export = ("run", str(file), "--on", "k8s", "--export", str(manifests))
    done = subprocess.run(
        [PROGRAMS / "nomos-testing", *export],
        cwd=REPOSITORY,
        env=cluster_environment() | {"KUBECONFIG": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (made,) = yaml.safe_load_all((manifests / "00-namespace.yaml").read_text())
    name = made["metadata"]["name"]
    try:
        kubectl("apply", "-f", str(manifests))
        wait_until("a height of 2", lambda: height_of(name, "nomos-validator-0") >= 2, patience=UP_SECONDS)
    finally:
        kubectl("delete", "-f", str(manifests), "--ignore-not-found", "--grace-period=0", "--force")
    wait_until("the end of the namespace", lambda: name not in namespaces(), patience=GONE_SECONDS)


def namespaces() -> Sequence[str]:
    return kubectl("get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}").split()


def height_of(namespace: str, pod: str) -> int:
    """The height of a node as the API server's proxy tells it; 0 as long as the node does not answer."""
    port = kubectl("-n", namespace, "get", "service", pod, "-o", "jsonpath={.spec.ports[0].port}")
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/cryptarchia/info"
    answer = kubectl("get", "--raw", path, check=False)
    return int(json.loads(answer)["height"]) if answer else 0


def test_a_kept_network_answers_after_the_verdict_and_its_namespace_expires_later(tmp_path: Path) -> None:
    scenario, runs = tmp_path / "small.yaml", tmp_path / "runs"
    scenario.write_text("slot: {seconds: 0.5}\ntopology: {validators: 2}\nrun_for: {slots: 4}\n")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAMS / "nomos-testing"), *arguments]
        # A pipe: the call returns only when the holder of the network has given up its output.
        return subprocess.run(
            command, cwd=REPOSITORY, env=cluster_environment(), capture_output=True, text=True, timeout=300, check=False
        )

    kept = call("run", str(scenario), "--on", "k8s", "--runs-dir", str(runs), "--keep", "100h")
    try:
        assert kept.returncode == 0, kept.stdout + kept.stderr
        (run,) = runs.iterdir()
        namespace = json.loads((run / "plan.json").read_text())["namespace"]
        assert pods(namespace)
        annotations = json.loads(kubectl("get", "namespace", namespace, "-o", "json"))["metadata"]["annotations"]
        expires = datetime.fromisoformat(annotations[EXPIRES_ANNOTATION])
        assert expires > datetime.now(UTC) + timedelta(hours=99)
        said = call("shell", str(run), "-c", "(await client('validator-1').network_info()).n_peers")
        assert (said.returncode, said.stdout) == (0, "1\n"), said.stderr
    finally:
        ended = [call("end", str(run)).returncode for run in runs.iterdir()]
    assert ended == [0]
    assert pods(namespace) == []
