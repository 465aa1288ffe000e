"""``--in-cluster``: a Job of the cluster runs the scenario; its progress, evidence and verdict are here."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from nomos_testing.deployers.k8s.in_cluster import NAMESPACE, RUNNER_LOG, SERVICE_ACCOUNT
from nomos_testing.deployers.k8s.job_manifests import JOB_PROGRAM
from nomos_testing.deployers.k8s.job_program import ENDED, RUNS
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.journal.events import RunEnded
from nomos_testing.journal.journal import read_journal
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.processes.embedded_node import wait_until
from support.processes.live_cluster import cluster_environment, kubectl, listed, namespaces_of_runs
from support.processes.live_network import PROGRAMS
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE = 180.0 * MACHINE_FACTOR
GONE_WITHIN = 30.0 * MACHINE_FACTOR
SCENARIO = """
slot: {seconds: 0.5}
topology: {validators: 2}
workloads: [transactions: {rate: 1}]
wallets: 10
expectations: [EXPECTATION]
run_for: {seconds: SECONDS}
"""
LIVE = "consensus_liveness: {}"
UNATTAINABLE = "validator_heights: {blocks: 100000}"


class JobUnderTest:
    """``nomos-testing run --on k8s --in-cluster``, in a directory without the repository."""

    def __init__(self, directory: Path, *, seconds: float, expectation: str, **variables: str) -> None:
        self.directory = directory
        text = SCENARIO.replace("SECONDS", f"{seconds:g}").replace("EXPECTATION", expectation)
        (directory / "scenario.yaml").write_text(text)
        self.log = directory / "progress.log"
        self.output = directory / "output.log"
        arguments = ["run", "scenario.yaml", "--on", "k8s", "--in-cluster", "--runs-dir", "runs"]
        with self.log.open("wb") as progress, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [PROGRAMS / "nomos-testing", *arguments],
                cwd=directory,
                env=cluster_environment(K8S_RUNNER_NODE_SELECTOR=_selector()) | variables,
                stdout=output,
                stderr=progress,
                start_new_session=True,
            )

    def progress(self) -> str:
        return self.log.read_text(errors="replace")

    def shows(self, text: str) -> None:
        """Wait for a line; fails at once if the program ends before it."""

        def looked() -> bool:
            assert self.process.poll() is None, self.progress()
            return text in self.progress()

        wait_until(f"{text!r} in the progress", looked, patience=PATIENCE)

    def release(self) -> str:
        """The name of its Job."""
        return next(word for word in self.progress().split() if word.startswith("nomos-k8s-"))

    def run_directory(self) -> Path:
        (found,) = self.directory.glob("runs/*")
        return found

    def outcome(self) -> str:
        entries = list(read_journal(self.run_directory() / "journal.jsonl"))
        return next(entry.event.outcome for entry in reversed(entries) if isinstance(entry.event, RunEnded))

    def left(self) -> list[str]:
        """What is left of it on the cluster: the Job with what belongs to it, and namespaces of its runs."""
        of_the_job = ("-n", NAMESPACE, "-l", f"{RUN_LABEL}={self.release()}")
        names = kubectl("get", "jobs,pods,configmaps", *of_the_job, "-o", "name")
        return [*names.split(), *namespaces_of_runs(self.directory)]

    def nothing_left(self) -> None:
        wait_until("nothing to be left on the cluster", lambda: not self.left(), patience=GONE_WITHIN)


def _selector() -> str:
    """The label of a machine that works: other tests make machines that only exist in the API."""
    ready = next(
        node["metadata"]["name"]
        for node in listed("nodes")
        for condition in node["status"].get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    )
    return f"kubernetes.io/hostname={ready}"


@pytest.fixture(scope="module")
def service_account() -> None:
    kubectl("apply", "-f", str(REPOSITORY / "deploy/k8s/rbac.yaml"))


@pytest.fixture
def job(tmp_path: Path, service_account: None) -> Iterator[Callable[..., JobUnderTest]]:
    started: list[JobUnderTest] = []

    def start(*, seconds: float = 5.0, expectation: str = LIVE, **variables: str) -> JobUnderTest:
        started.append(JobUnderTest(tmp_path, seconds=seconds, expectation=expectation, **variables))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGINT)
            each.process.wait(PATIENCE)


def _succeeded(release: str) -> bool:
    (job,) = listed("jobs", "-n", NAMESPACE, "-l", f"{RUN_LABEL}={release}")
    return bool(job["status"].get("succeeded"))


class WayToTheCluster:
    """Forwards TCP connections to the API server, in a thread. It can be cut while the cluster goes on."""

    def __init__(self, server: str, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        target = urlsplit(server)
        self._target = (target.hostname or "", target.port or 443)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._is_cut = threading.Event()
        self._accepting = threading.Thread(target=self._accept)
        self._copying: list[threading.Thread] = []
        self._accepting.start()

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        self._is_cut.set()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self._is_cut.clear()

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._copying):
            thread.join(PATIENCE)
        for end in self._open:
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # of the listener that is closed
            while True:
                near, _ = self._listener.accept()
                if self._is_cut.is_set():
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    self._copying.append(threading.Thread(target=_copy, args=pair))
                    self._copying[-1].start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # of connections that are cut
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def way_to_the_cluster(directory: Path) -> Iterator[WayToTheCluster]:
    """A kubeconfig whose server is a proxy on this machine."""
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    (entry,) = config["clusters"]
    server = entry["cluster"]["server"]
    way = WayToTheCluster(server, directory / "kubeconfig")
    try:
        host = urlsplit(server).hostname
        entry["cluster"] |= {"server": f"https://127.0.0.1:{way.port}", "tls-server-name": host}
        way.kubeconfig.write_text(json.dumps(config))
        yield way
    finally:
        way.close()


@contextmanager
def own_namespace() -> Iterator[str]:
    name = f"incluster-{uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def test_a_run_that_passes_has_its_progress_summary_and_directory_here(job: Callable[..., JobUnderTest]) -> None:
    run = job()
    assert run.process.wait(PATIENCE) == 0, run.progress()
    lines = [line for line in run.progress().splitlines() if line.startswith("[")]
    assert len(lines) == len(set(lines)), "a line was repeated"
    assert any(line.endswith("verdict: passed") for line in lines)
    assert run.output.read_text().rstrip().endswith("scenario passed")
    assert str(run.run_directory()) in run.output.read_text()
    assert run.outcome() == "passed"
    assert (run.run_directory() / "validator-1").is_dir()
    assert "verdict: passed" in (run.run_directory() / RUNNER_LOG).read_text()
    run.nothing_left()


def test_the_seed_that_was_drawn_here_is_that_of_the_run(job: Callable[..., JobUnderTest], tmp_path: Path) -> None:
    run = job(RUST_LOG="info")
    assert run.process.wait(PATIENCE) == 0, run.progress()
    seed = json.loads((run.run_directory() / "plan.json").read_text())["seed"]
    assert f"seed {seed}\n" in run.progress()


def test_job_and_nodes_run_in_one_namespace_under_the_restricted_rule(job: Callable[..., JobUnderTest]) -> None:
    with own_namespace() as namespace:
        kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
        grants = (REPOSITORY / "deploy/k8s/rbac.yaml").read_text().replace(SERVICE_ACCOUNT, namespace)
        kubectl("apply", "-f", "-", stdin=grants)
        try:
            run = job(K8S_NAMESPACE=namespace, K8S_RUNNER_SERVICE_ACCOUNT=namespace)
            assert run.process.wait(PATIENCE) == 0, run.progress()
            wait_until(
                "no object to be left", lambda: not listed("pods,jobs,services", "-n", namespace), patience=GONE_WITHIN
            )
        finally:
            kubectl("delete", "-f", "-", "--wait=false", stdin=grants)


def test_a_run_that_fails_exits_1_with_its_evidence_here(job: Callable[..., JobUnderTest]) -> None:
    run = job(expectation=UNATTAINABLE)
    assert run.process.wait(PATIENCE) == 1, run.progress()
    assert run.outcome() == "failed"
    assert "100000" in run.output.read_text()
    assert (run.run_directory() / "validator-0/pod.log").stat().st_size > 0
    run.nothing_left()


def test_ctrl_c_ends_the_run_in_order(job: Callable[..., JobUnderTest]) -> None:
    run = job(seconds=300)
    run.shows("] run (300 s)")
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(PATIENCE) == 128 + signal.SIGINT, run.progress()
    assert run.outcome() == "interrupted"
    assert f"evidence: {run.run_directory()}" in run.progress()
    run.nothing_left()


def test_a_caller_that_is_killed_leaves_a_run_that_goes_on_and_cleans_up(job: Callable[..., JobUnderTest]) -> None:
    run = job(seconds=5)
    run.shows("] run (5 s)")
    run.process.kill()
    run.process.wait(PATIENCE)
    pods = ("-n", NAMESPACE, "-l", f"{RUN_LABEL}={run.release()}")
    try:
        wait_until(
            "the end of the runner",
            lambda: ENDED in kubectl("logs", *pods, "--tail=-1", check=False),
            patience=PATIENCE,
        )
        log = kubectl("logs", *pods, "--tail=-1")
        assert "verdict: passed" in log
        (network,) = {
            word.strip(",")
            for line in log.splitlines()
            if "namespace nomos-k8s-" in line
            for word in line.split()
            if word.startswith("nomos-k8s-")
        }
        assert network not in {item["metadata"]["name"] for item in listed("namespaces")}
        (pod,) = listed("pods", *pods)
        kubectl("exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", *JOB_PROGRAM, "fetched")
        wait_until("the end of the Job", lambda: _succeeded(run.release()), patience=PATIENCE)
        assert "scenario passed" in kubectl("logs", *pods, "--tail=-1")
    finally:
        kubectl("delete", "jobs", *pods)


def test_an_api_server_that_is_away_costs_no_line(job: Callable[..., JobUnderTest], tmp_path: Path) -> None:
    with way_to_the_cluster(tmp_path) as way:
        run = job(seconds=20, KUBECONFIG=str(way.kubeconfig))
        run.shows("] run (20 s)")
        way.cut()
        run.shows("waiting for the API server")
        way.restore()
        assert run.process.wait(PATIENCE) == 0, run.progress()
    lines = [line for line in run.progress().splitlines() if line.startswith("[")]
    kept = (run.run_directory() / RUNNER_LOG).read_text().replace(RUNS, str(run.directory / "runs")).splitlines()
    assert lines == [line for line in kept if line.startswith("[")]
    assert len(lines) == len(set(lines)), "a line was repeated"
    assert [line.split("] ")[1].split(":")[0].split(" (")[0] for line in lines].count("teardown") == 1


def test_ctrl_c_before_the_pod_runs_leaves_nothing(job: Callable[..., JobUnderTest]) -> None:
    run = job(seconds=300, K8S_RUNNER_NODE_SELECTOR="nomos-testing.example/no-such=machine")
    run.shows("waiting for the pod of the runner")
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(PATIENCE) == 128 + signal.SIGINT, run.progress()
    run.nothing_left()


def test_a_pod_that_is_deleted_is_named_and_its_evidence_is_fetched(job: Callable[..., JobUnderTest]) -> None:
    run = job(seconds=300)
    run.shows("] run (300 s)")
    kubectl("delete", "pods", "-n", NAMESPACE, "-l", f"{RUN_LABEL}={run.release()}", "--wait=false")
    assert run.process.wait(PATIENCE) == 1, run.progress()
    assert "scenario scenario failed: the run in the cluster: its pod nomos-k8s-" in run.progress()
    assert run.outcome() == "interrupted"
    run.nothing_left()


def test_the_manifest_that_makes_the_service_account_is_named(job: Callable[..., JobUnderTest]) -> None:
    with own_namespace() as namespace:
        run = job(K8S_NAMESPACE=namespace)
        assert run.process.wait(PATIENCE) == 1
    text = run.progress()
    assert f"the namespace {namespace} of the cluster" in text
    assert f"has no service account {SERVICE_ACCOUNT}" in text
    assert "kubectl apply -f deploy/k8s/rbac.yaml" in text


def test_an_image_that_is_missing_is_named(job: Callable[..., JobUnderTest]) -> None:
    run = job(NOMOS_TESTNET_IMAGE_PULL_POLICY="Never", NOMOS_TESTNET_IMAGE="localhost/nomos-missing:1")
    assert run.process.wait(PATIENCE) == 1
    assert "the image localhost/nomos-missing:1 is not in the cluster" in run.progress()
    run.nothing_left()
