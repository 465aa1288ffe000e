"""What a person reads about a pod that does not run: on recordings of a real cluster."""

from __future__ import annotations

import pytest

from nomos_testing.deployers.k8s.pod_problems import (
    MACHINE_PATIENCE,
    PULL_PATIENCE,
    SCHEDULER_PATIENCE,
    PodProblem,
    deletion,
    pod_problem,
)
from support.inputs.cluster_recordings import RECORDINGS, recording

_NO_PROBLEM = ("being-created", "healthy")

# recording, how its text begins (after "its pod NAME "), part of the remedy, is it final
_AT_ONCE = [
    (
        "image-never",
        "cannot start: the image logos-blockchain-testing:absent is not in the cluster (ErrImageNeverPull)",
        "load it: scripts/test-cluster.sh load logos-blockchain-testing:absent, ",
        True,
    ),
    ("image-name-invalid", 'cannot start: "Not A Name" is no name of an image', "set NOMOS_TESTNET_IMAGE", True),
    (
        "image-not-found",
        "cannot start: the image localhost:5999/nomos:absent is not in the cluster, and its registry has none "
        "(ErrImagePull): not found",
        "load it: ",
        True,
    ),
    (
        "image-not-found-backoff",
        "cannot start: the image localhost:5999/nomos:absent is not in the cluster, and its registry has none "
        "(ImagePullBackOff): not found",
        "load it: ",
        True,
    ),
    (
        "documented-image-not-loaded",
        "cannot start: the image logos-blockchain-testing:local is not in the cluster, and its registry has none "
        "(ErrImagePull): pull access denied, repository does not exist or may require authorization",
        "load it: scripts/test-cluster.sh load logos-blockchain-testing:local, ",
        True,
    ),
    (
        "image-denied",
        "cannot start: the registry does not let this cluster read the image localhost:5999/private/nomos:1 "
        "(ImagePullBackOff): pulling from host localhost:5999 failed with status code [manifests 1]: 401 Unauthorized",
        "imagePullSecret",
        True,
    ),
    (
        "image-unreachable",
        "cannot start: the image registry.invalid/nomos:absent is not in the cluster and cannot be pulled "
        "(ImagePullBackOff): failed to do request",
        "load it: ",
        False,
    ),
    ("image-unreachable-again", "cannot start: the image registry.invalid/nomos:absent ", "load it: ", False),
    (
        "image-slow",
        "waits for the image localhost:5999/slow/nomos:1, which the machine node is pulling",
        "wait, or load it",
        False,
    ),
    (
        "node-selector",
        "cannot start: no machine fits: 0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector",
        "label a machine with disk=nvme, or change `k8s: {node_selector}`",
        False,
    ),
    (
        "too-much-cpu",
        "cannot start: no machine fits: 0/3 nodes are available: 1 Insufficient cpu",
        "ask for less than cpu 64 with `k8s: {resources: {requests}}`",
        False,
    ),
    (
        "too-much-memory",
        "cannot start: no machine fits: 0/3 nodes are available: 1 Insufficient memory",
        "900Gi",
        False,
    ),
    ("cordoned", "cannot start: no machine fits: 0/3 nodes are available", "kubectl uncordon", False),
    ("host-port-taken", "cannot start: no machine fits: 0/3 nodes are available", "uses the same host port", False),
    (
        "claim-missing",
        'cannot start: no machine fits: 0/3 nodes are available: persistentvolumeclaim "nomos-data" not found',
        "make the volume claim",
        False,
    ),
    ("scheduling-gate", "cannot start: a scheduling gate holds it (example.com/quota)", "remove it", False),
    (
        "host-path-missing",
        "cannot start: the KZG parameters are not on the machine node: "
        "/var/lib/nomos/kzgrs_test_params/kzgrs_test_params is not a file (FailedMount)",
        "set NOMOS_KZG_MODE=inImage, or copy the parameters to "
        "/var/lib/nomos/kzgrs_test_params/kzgrs_test_params on the machine node",
        True,
    ),
    (
        "config-map-not-mounted",
        "cannot start: its volume lacks the configmap nomos-assets (FailedMount)",
        "look for who deletes the configmap nomos-assets",
        False,
    ),
    ("config-map-not-mounted-again", "cannot start: its volume lacks the configmap nomos-assets", "run again", True),
    (
        "config-map-of-env",
        'cannot start: configmap "nomos-assets" not found (CreateContainerConfigError)',
        "run again",
        False,
    ),
    ("config-map-of-env-again", 'cannot start: configmap "nomos-assets" not found', "run again", True),
    ("not-root", "cannot start: container has runAsNonRoot and image will run as root", "other than root", True),
    (
        "command-missing",
        'cannot start: its command /opt/absent cannot run (StartError): exec: "/opt/absent": stat /opt/absent: '
        "no such file or directory",
        "build it again",
        True,
    ),
    (
        "command-missing-restarted",
        "cannot start: its command /opt/absent cannot run (RunContainerError)",
        "build",
        False,
    ),
    ("exit-code-0", "ended: exit code 0", "kubectl logs -n diagnosis-record exit-code-0", True),
    ("exit-code-1", "ended: exit code 1", "kubectl logs -n diagnosis-record exit-code-1", True),
    ("killed", "ended: killed by SIGSEGV", "read its log", True),
    (
        "out-of-memory",
        "was killed because it needed more memory than its limit of 60Mi (OOMKilled)",
        "`k8s: {resources: {limits}}`",
        True,
    ),
    ("init-fails", "has the container prepare, which ended: exit code 4", "kubectl logs", True),
    (
        "crash-loop",
        "ends again and again: exit code 3 (CrashLoopBackOff, restarted once)",
        "kubectl logs --previous -n diagnosis-record crash-loop",
        False,
    ),
    ("crash-loop-long", "ends again and again: exit code 3 (CrashLoopBackOff, restarted 3 times)", "--previous", True),
    ("deadline", "was ended because it ran longer than its activeDeadlineSeconds (6 s)", "shorter run", True),
    ("deleted", "was deleted by somebody outside of this run", "who deletes pods of diagnosis-record", True),
    ("evicted-by-api", "is evicted on request: somebody drains the machine node", "kubectl uncordon node", True),
    (
        "evicted",
        'was evicted from the machine node: Usage of EmptyDir volume "data" exceeds the limit "1Mi"',
        "`k8s: {resources}`",
        True,
    ),
    ("machine-silent", "waits for the machine diagnosis-lost to take it up", "kubectl describe node", False),
    (
        "machine-lost",
        "is deleted because its machine diagnosis-lost is lost: it does not answer",
        "kubectl describe node diagnosis-lost",
        True,
    ),
    (
        "documented-machine-not-ready",
        "runs on the machine machine-2, which does not answer (NodeNotReady)",
        "kubectl describe node machine-2",
        False,
    ),
    ("documented-machine-lost", "is lost with its machine machine-2", "kubectl describe node machine-2", True),
    ("documented-machine-removed", "is deleted because its machine machine-2 is lost", "kubectl get nodes", True),
    ("documented-machine-shut-down", "was ended because its machine machine-2 is being shut down", "stay up", True),
    (
        "documented-evicted-for-memory",
        "was evicted from the machine machine-2: The node was low on resource: memory.",
        "free memory",
        True,
    ),
    ("documented-preempted", "is deleted to make room for a pod of a higher priority", "add machines", True),
    ("documented-machine-comes", "waits for a new machine: pod triggered scale-up", "wait", False),
    (
        "documented-rejected-by-machine",
        "was ended by the machine machine-2 (OutOfcpu): Pod was rejected",
        "kubectl describe node machine-2",
        True,
    ),
    (
        "documented-sandbox-fails",
        "cannot start: the machine machine-2 cannot make its network (FailedCreatePodSandBox)",
        "network plugin",
        False,
    ),
]


def _found(name: str, *, waited: float = 0.0) -> PodProblem | None:
    recorded = recording(name)
    return pod_problem(recorded["pod"], recorded["events"], waited=waited)


def _problem(name: str, *, waited: float = 0.0) -> PodProblem:
    found = _found(name, waited=waited)
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "begins", "remedy", "final"), _AT_ONCE, ids=[row[0] for row in _AT_ONCE])
def test_a_pod_that_does_not_run_is_explained(name: str, begins: str, remedy: str, final: bool) -> None:
    problem = _problem(name)
    assert problem.what.startswith(f"its pod {problem.pod} {begins}")
    assert remedy in problem.remedy
    assert problem.final is final, problem


@pytest.mark.parametrize("name", _NO_PROBLEM)
def test_a_pod_that_runs_or_is_being_made_has_no_problem(name: str) -> None:
    assert _found(name) is None


def test_each_recording_is_tested() -> None:
    recorded = {path.stem for path in RECORDINGS.glob("*.json")} - {"refusals"}
    assert recorded == {row[0] for row in _AT_ONCE} | set(_NO_PROBLEM)


def test_the_first_lines_of_a_failure_name_node_pod_reason_and_remedy() -> None:
    problem = _problem("image-never").of("validator-0")
    image = "logos-blockchain-testing:absent"
    assert str(problem) == (
        f"validator-0: its pod image-never cannot start: the image {image} is not in the cluster (ErrImageNeverPull)\n"
        f"  -> load it: scripts/test-cluster.sh load {image}, kind load docker-image {image}, "
        f"minikube image load {image}, or push it and set NOMOS_TESTNET_IMAGE"
    )


def test_the_caller_knows_how_an_image_gets_into_its_cluster() -> None:
    recorded = recording("image-never")
    problem = pod_problem(recorded["pod"], recorded["events"], image_remedy="import {image}")
    assert problem is not None
    assert problem.remedy == "import logos-blockchain-testing:absent"


@pytest.mark.parametrize(
    ("name", "patience"),
    [
        ("too-much-cpu", SCHEDULER_PATIENCE),
        ("node-selector", SCHEDULER_PATIENCE),
        ("cordoned", SCHEDULER_PATIENCE),
        ("image-unreachable-again", PULL_PATIENCE),
        ("machine-silent", MACHINE_PATIENCE),
    ],
)
def test_what_may_still_succeed_is_final_only_after_a_while(name: str, patience: float) -> None:
    assert not _problem(name, waited=patience - 0.1).final
    assert _problem(name, waited=patience).final


@pytest.mark.parametrize(
    "name", ["image-slow", "image-unreachable", "documented-machine-comes", "documented-machine-not-ready"]
)
def test_what_may_still_go_on_is_never_final(name: str) -> None:
    assert not _problem(name, waited=3600).final


def test_the_third_failed_pull_is_final() -> None:
    recorded = recording("image-unreachable-again")
    failed = [event for event in recorded["events"] if event["message"].startswith("Failed to pull image")]
    assert [event["count"] for event in failed] == [2]
    failed[0]["count"] = 3
    problem = pod_problem(recorded["pod"], recorded["events"])
    assert problem is not None
    assert problem.final


def test_a_cluster_that_does_not_repeat_the_cause_in_its_back_off_has_told_it_in_an_event() -> None:
    recorded = recording("image-not-found-backoff")
    (status,) = recorded["pod"]["status"]["containerStatuses"]
    status["state"]["waiting"]["message"] = 'Back-off pulling image "localhost:5999/nomos:absent"'
    problem = pod_problem(recorded["pod"], recorded["events"])
    assert problem == _problem("image-not-found-backoff")


def test_a_host_path_is_looked_at_twice() -> None:
    recorded = recording("host-path-missing")
    (failed,) = [event for event in recorded["events"] if event["reason"] == "FailedMount"]
    failed["count"] = 1
    problem = pod_problem(recorded["pod"], recorded["events"])
    assert problem is not None
    assert not problem.final


def test_a_path_that_is_no_kzg_parameters_has_its_own_remedy() -> None:
    recorded = recording("host-path-missing")
    for event in recorded["events"]:
        event["message"] = event["message"].replace('"kzg"', '"data"')
    problem = pod_problem(recorded["pod"], recorded["events"])
    assert problem is not None
    assert problem.remedy == "make /var/lib/nomos/kzgrs_test_params/kzgrs_test_params on the machine node"


def test_a_host_path_counts_more_than_a_later_failure_of_another_volume() -> None:
    recorded = recording("host-path-missing")
    late = {
        "reason": "FailedMount",
        "message": "timed out waiting for the condition",
        "lastTimestamp": "2099-01-01T00:00:00Z",
    }
    problem = pod_problem(recorded["pod"], [late, *recorded["events"]])
    assert problem == _problem("host-path-missing")


def test_no_time_is_too_long_for_a_machine_that_has_come() -> None:
    recorded = recording("machine-silent")
    came = {"reason": "TriggeredScaleUp", "message": "pod triggered scale-up"}
    problem = pod_problem(recorded["pod"], [*recorded["events"], came], waited=3600)
    assert problem is not None
    assert not problem.final


def test_a_pod_that_ended_without_any_reason_has_ended() -> None:
    recorded = recording("exit-code-1")
    del recorded["pod"]["status"]["containerStatuses"]
    problem = pod_problem(recorded["pod"], recorded["events"])
    assert problem is not None
    assert problem.what == "its pod exit-code-1 ended (Failed); the cluster does not say why"
    assert problem.final


def test_a_mount_that_succeeded_later_is_no_problem() -> None:
    recorded = recording("config-map-not-mounted-again")
    pulled = {**recorded["events"][0], "reason": "Pulled", "message": "Container image is already present"}
    assert pod_problem(recorded["pod"], [*recorded["events"], pulled]) is None


def test_events_of_another_pod_with_the_same_name_are_passed_over() -> None:
    recorded = recording("host-path-missing")
    recorded["pod"]["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    assert pod_problem(recorded["pod"], recorded["events"]) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [(2, "exit code 2"), (255, "exit code 255"), (137, "killed by SIGKILL"), (143, "killed by SIGTERM")],
)
def test_an_exit_code_is_told_from_a_signal(code: int, words: str) -> None:
    recorded = recording("exit-code-1")
    (status,) = recorded["pod"]["status"]["containerStatuses"]
    status["state"]["terminated"]["exitCode"] = code
    problem = pod_problem(recorded["pod"], recorded["events"])
    assert problem is not None
    assert problem.what == f"its pod exit-code-1 ended: {words}"


def test_a_pod_that_is_gone_without_a_trace_was_deleted() -> None:
    problem = deletion(recording("healthy")["pod"])
    assert problem.what == "its pod healthy was deleted by somebody outside of this run"
    assert problem.final
