"""Each way in which a run on a cluster fails is named with its remedy, in the first lines and within a minute."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.journal.events import BlockSeen
from nomos_testing.journal.journal import read_journal
from support.inputs.certificates import LONG_AGO, certificate
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.processes.embedded_node import wait_until
from support.processes.kubernetes_cluster import alone, require_cluster
from support.processes.live_cluster import cluster_environment, kubectl, listed, namespaces_of_runs
from support.processes.live_network import PROGRAMS

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

NAMED_WITHIN = 60.0
"""Seconds of the issue: from the start of the program to its end."""
PATIENCE = 120.0 * MACHINE_FACTOR
ABSENT = "nomos-testing-absent:1"
SCENARIO = """
name: small
topology: {validators: COUNT}
slot: {seconds: 0.5}
expectations: [consensus_liveness: {}]
run_for: {seconds: SECONDS}
"""


class FailingRun:
    """``nomos-testing run`` of a small network on the cluster, as a user starts it."""

    def __init__(self, directory: Path, *, validators: int = 1, seconds: float = 4.0, **variables: str) -> None:
        self.directory = directory / uuid4().hex[:8]
        self.directory.mkdir()
        text = SCENARIO.replace("COUNT", str(validators)).replace("SECONDS", f"{seconds:g}")
        (self.directory / "small.yaml").write_text(text)
        self._log = self.directory / "output.log"
        environment = cluster_environment() | variables  # builds the image of the nodes at first
        self._began = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "nomos-testing", "run", "small.yaml", "--on", "k8s", "--runs-dir", "runs"],
                cwd=self.directory,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def failure(self, *, exit_code: int = 1) -> str:
        """The first three lines of the failure, after the program ended in time and left nothing."""
        seconds = self.ended(exit_code)
        assert seconds < NAMED_WITHIN * MACHINE_FACTOR, f"{seconds:.0f} s: {self.output}"
        lines = self.output.splitlines()
        first = next((n for n, line in enumerate(lines) if re.match(r"(scenario )?small (failed|errored)", line)), None)
        assert first is not None, self.output
        return "\n".join(lines[first : first + 3])

    def ended(self, exit_code: int) -> float:
        """Wait for the end of the program. Return its seconds."""
        assert self.process.wait(PATIENCE) == exit_code, self.output
        seconds = time.monotonic() - self._began
        assert self.namespaces() == []
        return seconds

    def evidence(self, pattern: str) -> str:
        """The text of a file of the run directory."""
        (file,) = self.directory.glob(f"runs/*/{pattern}")
        return file.read_text(errors="replace")

    def has_blocks(self) -> None:
        def seen() -> bool:
            assert self.process.poll() is None, self.output
            journals = self.directory.glob("runs/*/journal.jsonl")
            return any(isinstance(entry.event, BlockSeen) for file in journals for entry in read_journal(file))

        wait_until("a block of the run", seen, patience=PATIENCE)

    def namespace_of(self, pod: str) -> str:
        """Wait for a pod of the run. Return its namespace, which belongs to the run."""
        names: list[str] = []

        def seen() -> bool:
            assert self.process.poll() is None, self.output
            names[:] = [each for each in self.namespaces() if kubectl("-n", each, *get, check=False)]
            return bool(names)

        get = ("get", "pod", pod, "--ignore-not-found", "-o", "name")
        wait_until(f"the pod {pod}", seen, patience=PATIENCE)
        return names[0]

    def namespaces(self) -> list[str]:
        """The namespaces on the cluster that belong to this run."""
        return namespaces_of_runs(self.directory)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., FailingRun]]:
    started: list[FailingRun] = []

    def start(**options: Any) -> FailingRun:
        started.append(FailingRun(tmp_path, **options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
            each.process.wait(PATIENCE)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace that exists before the run and after it. Nothing of a run is left there."""
    require_cluster()
    name = f"failures-{uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    left = kubectl("-n", name, "get", "pods,services,configmaps", "-l", RUN_LABEL, "-o", "name")
    kubectl("delete", "namespace", name, "--wait=false")
    assert left == ""


def kubeconfig(directory: Path, *, cluster: Mapping[str, Any] | None = None, user: Any = None) -> str:
    """A kubeconfig of the cluster under test with changes to its server or another user. Its path."""
    config = json.loads(kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json"))
    config["clusters"][0]["cluster"] |= cluster or {}
    if user is not None:
        config["users"][0]["user"] = user
    file = directory / "kubeconfig"
    file.write_text(json.dumps(config))
    file.chmod(0o600)
    return str(file)


@contextmanager
def listener(*, answers: bool) -> Iterator[str]:
    """The address of a server that never answers; or one where nothing listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if not answers:
            server.listen()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def cordoned() -> Iterator[None]:
    """No machine of the cluster takes new pods. Tests beside this one wait."""
    machines = [item["metadata"]["name"] for item in listed("nodes") if not item["spec"].get("unschedulable")]
    with alone():
        try:
            kubectl("cordon", *machines)
            yield
        finally:
            kubectl("uncordon", *machines)


# -- The way to the cluster


def test_a_wrong_context_names_those_that_exist(run: Callable[..., FailingRun]) -> None:
    told = run(K8S_CONTEXT="nowhere").failure()
    assert "has no context 'nowhere'; it has" in told
    assert require_cluster().context in told
    assert "K8S_CONTEXT" in told


def test_an_expired_certificate_is_named_with_its_end(tmp_path: Path, run: Callable[..., FailingRun]) -> None:
    file = certificate(tmp_path, "client", end=LONG_AGO)
    user = {"client-certificate": str(file), "client-key": str(file)}
    told = run(KUBECONFIG=kubeconfig(tmp_path, user=user)).failure()
    assert "client certificate" in told
    assert "expired at 2020-01-02" in told
    assert "-> " in told


def test_no_kubeconfig_is_no_failure_of_the_demo(tmp_path: Path) -> None:
    require_cluster()
    environment = cluster_environment() | {"KUBECONFIG": str(tmp_path / "none")}
    done = subprocess.run(
        [PROGRAMS / "k8s_runner"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"Kubernetes cluster unavailable (KUBECONFIG={tmp_path / 'none'} does not exist" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("answers", "expected"), [(True, "it refuses connections"), (False, "no answer in time")], ids=["refuses", "silent"]
)
def test_an_api_server_that_does_not_answer_is_named(
    tmp_path: Path, run: Callable[..., FailingRun], answers: bool, expected: str
) -> None:
    with listener(answers=answers) as server:
        told = run(KUBECONFIG=kubeconfig(tmp_path, cluster={"server": server})).failure()
    assert server in told
    assert expected in told
    assert "-> " in told


# -- What the cluster refuses


def test_a_missing_permission_is_named_with_the_manifest_that_grants_it(
    tmp_path: Path, namespace: str, run: Callable[..., FailingRun]
) -> None:
    kubectl("-n", namespace, "create", "serviceaccount", "powerless")
    token = kubectl("-n", namespace, "create", "token", "powerless")
    told = run(KUBECONFIG=kubeconfig(tmp_path, user={"token": token})).failure()
    assert "may not create, delete, get, list namespaces" in told
    assert "kubectl apply -f deploy/k8s/rbac.yaml" in told


def test_a_namespace_that_does_not_exist_is_named(run: Callable[..., FailingRun]) -> None:
    told = run(K8S_NAMESPACE="failures-nowhere").failure()
    assert "K8S_NAMESPACE=failures-nowhere: the cluster" in told
    assert "kubectl create namespace" in told


def test_a_quota_is_named(namespace: str, run: Callable[..., FailingRun]) -> None:
    kubectl("-n", namespace, "create", "quota", "one-pod", "--hard=pods=1")
    told = run(K8S_NAMESPACE=namespace).failure()
    assert "the ResourceQuota one-pod is exceeded" in told
    assert "kubectl edit resourcequota one-pod" in told


def test_a_quota_that_wants_limits_is_named(namespace: str, run: Callable[..., FailingRun]) -> None:
    kubectl("-n", namespace, "create", "quota", "memory", "--hard=limits.memory=1Gi")
    told = run(K8S_NAMESPACE=namespace).failure()
    assert "the ResourceQuota memory wants each pod to say limits.memory" in told
    assert "K8S_RUNNER_LIMITS" in told


def test_a_restricted_namespace_takes_one_run_and_no_path_of_its_machine(
    tmp_path: Path, namespace: str, run: Callable[..., FailingRun]
) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    parameters = tmp_path / "kzg"
    parameters.touch()
    kzg = {"NOMOS_KZG_MODE": "hostPath", "NOMOS_KZGRS_PARAMS_PATH": str(parameters)}
    told = run(K8S_NAMESPACE=namespace, **kzg).failure()
    assert 'violates the Pod Security rule "restricted' in told
    assert "set NOMOS_KZG_MODE=inImage" in told
    first = run(K8S_NAMESPACE=namespace, seconds=12.0)
    first.has_blocks()
    pod = json.loads(kubectl("-n", namespace, "get", "pod", "nomos-validator-0", "-o", "json"))
    told = run(K8S_NAMESPACE=namespace).failure()
    assert f"the namespace {namespace} has pods of {pod['metadata']['labels'][RUN_LABEL]}: nomos-" in told
    assert "wait for its end" in told
    first.ended(0)


# -- Pods that do not start


def test_an_image_that_the_cluster_lacks_is_named(run: Callable[..., FailingRun]) -> None:
    pulled, not_pulled = (
        run(NOMOS_TESTNET_IMAGE=ABSENT),
        run(NOMOS_TESTNET_IMAGE=ABSENT, NOMOS_TESTNET_IMAGE_PULL_POLICY="Never"),
    )
    for each in (not_pulled, pulled):
        told = each.failure()
        assert f"the image {ABSENT} is not in the cluster" in told
        assert f"scripts/test-cluster.sh load {ABSENT}" in told


def test_a_pod_that_fits_no_machine_is_named_with_the_reason_of_the_scheduler(run: Callable[..., FailingRun]) -> None:
    selected, large = run(K8S_RUNNER_NODE_SELECTOR="disk=none"), run(K8S_RUNNER_REQUESTS="cpu=1000")
    told = selected.failure()
    assert "cannot start: no machine fits" in told
    assert "label a machine with disk=none" in told
    told = large.failure()
    assert "validator-0: its pod nomos-validator-0 cannot start: no machine fits" in told
    assert "Insufficient cpu" in told
    assert "ask for less than cpu 1" in told


def test_a_cordoned_machine_is_named(run: Callable[..., FailingRun]) -> None:
    with cordoned():
        told = run().failure()
    assert "were unschedulable" in told
    assert "kubectl uncordon MACHINE" in told


def test_parameters_that_a_machine_lacks_are_named(tmp_path: Path, run: Callable[..., FailingRun]) -> None:
    machine = listed("nodes")[0]["metadata"]["name"]
    label = f"failures-{uuid4().hex[:8]}"
    parameters = tmp_path / "kzg"
    parameters.touch()
    kzg = {"NOMOS_KZG_MODE": "hostPath", "NOMOS_KZGRS_PARAMS_PATH": str(parameters)}
    # No machine fits until the file is gone, so it is there in the preflight only.
    started = run(K8S_RUNNER_NODE_SELECTOR=f"{label}=here", **kzg)
    started.namespace_of("nomos-validator-0")
    parameters.unlink()
    kubectl("label", "node", machine, f"{label}=here")
    try:
        told = started.failure()
    finally:
        kubectl("label", "node", machine, f"{label}-")
    assert f"the KZG parameters are not on the machine {machine}: {parameters}" in told
    assert "set NOMOS_KZG_MODE=inImage" in told


# -- Pods that end


def test_a_server_of_configurations_that_dies_is_named_with_its_last_lines(run: Callable[..., FailingRun]) -> None:
    # The validator waits for a machine that is large enough. Meanwhile cfgsync runs.
    started = run(K8S_RUNNER_REQUESTS="cpu=1000")
    name = started.namespace_of("nomos-cfgsync")
    kubectl("-n", name, "wait", "--for=condition=Ready", "pod/nomos-cfgsync", "--timeout=60s")
    kubectl("-n", name, "exec", "nomos-cfgsync", "--", "python3", "-c", "import os; os.kill(1, 2)")
    told = started.failure()
    assert "cfgsync: its pod nomos-cfgsync ended" in told
    assert "the last lines of cfgsync:" in started.output
    last = started.evidence("cfgsync.log").split()[-1]  # it may not have come to serve
    assert last in started.output


def test_a_node_that_ends_by_itself_is_named_with_its_last_lines(run: Callable[..., FailingRun]) -> None:
    started = run(seconds=10.0)
    started.has_blocks()
    name = started.namespace_of("nomos-validator-0")
    kill = "import os; [os.kill(int(pid), 9) for pid in os.listdir('/proc') if pid.isdigit() and int(pid) > 1]"
    kubectl("-n", name, "exec", "nomos-validator-0", "--", "python3", "-c", kill, check=False)
    told = started.failure()
    assert "validator-0 ended: killed by SIGKILL" in told
    assert "  | " in started.output.partition("validator-0 ended: ")[2]


def test_a_pod_that_is_deleted_by_hand_is_named_and_its_log_is_kept(run: Callable[..., FailingRun]) -> None:
    started = run(validators=2, seconds=10.0)
    started.has_blocks()
    name = started.namespace_of("nomos-validator-1")
    kubectl("-n", name, "delete", "pod", "nomos-validator-1", "--wait=false")
    told = started.failure()
    assert "validator-1 ended: its pod nomos-validator-1 was deleted by somebody outside of this run" in told
    assert "opened" in started.evidence("validator-1/pod.log")
