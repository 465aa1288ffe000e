"""What a person reads when the API server refuses an object: on recorded answers of a real one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nomos_testing.deployers.k8s.refusals import refusal
from support.inputs.cluster_recordings import recording

# recording, how the reason begins, part of the remedy
_REFUSALS = [
    (
        "quota-pods",
        "the ResourceQuota small is exceeded: requested: pods=1, used: pods=1, limited: pods=1",
        "fewer nodes",
    ),
    ("quota-node-ports", "the ResourceQuota small is exceeded: requested: services.nodeports=1", "resourcequota small"),
    ("quota-cpu", "the ResourceQuota cpu is exceeded: requested: requests.cpu=2", "`k8s: {resources}`"),
    ("quota-needs-request", "the ResourceQuota cpu wants each pod to say requests.cpu", "`k8s: {resources}`"),
    ("limit-range", "a LimitRange of the namespace forbids it: maximum cpu usage per Container is 500m", "limitrange"),
    (
        "pod-security-restricted",
        'it violates the Pod Security rule "restricted:latest": allowPrivilegeEscalation != false',
        "NOMOS_KZG_MODE=inImage",
    ),
    (
        "pod-security-baseline",
        'it violates the Pod Security rule "baseline:latest": hostPath volumes (volume "kzg")',
        "weaker than baseline",
    ),
    ("namespace-terminating", "its namespace diagnosis-ending is being deleted", "K8S_NAMESPACE"),
    ("namespace-missing", "there is no namespace diagnosis-absent", "kubectl create namespace diagnosis-absent"),
    ("policy", 'the admission policy "diagnosis-labels" denies it: each pod needs a label team', "administrator"),
    (
        "webhook-denied",
        'the admission webhook "images.example.com" denies it: images must come from the team\'s registry',
        "administrator",
    ),
    (
        "webhook-not-reachable",
        'the admission webhook "images.example.com" of the cluster does not answer: failed to call webhook',
        "bring its service back",
    ),
    ("invalid", 'it is invalid: Pod "Not_A_Name" is invalid: metadata.name', "correct the field"),
    (
        "exists",
        'it is there already: namespaces "diagnosis-account" already exists (409 AlreadyExists)',
        "K8S_NAMESPACE",
    ),
    (
        "forbidden-namespace",
        "system:serviceaccount:diagnosis-account:nobody may not create namespaces in the cluster",
        "kubectl apply -f deploy/k8s/rbac.yaml, or set K8S_NAMESPACE",
    ),
    (
        "forbidden-pod",
        "system:serviceaccount:diagnosis-account:nobody may not create pods in the namespace diagnosis-account",
        "kubectl apply -f deploy/k8s/rbac.yaml",
    ),
    ("unauthorized", "the credentials are not accepted: Unauthorized (401 Unauthorized)", "kubectl auth whoami"),
    (
        "service-account-missing",
        'it is forbidden: pods "nomos-validator-0" is forbidden: error looking up',
        "administrator",
    ),
    (
        "priority-class-missing",
        'it is forbidden: pods "nomos-validator-0" is forbidden: no PriorityClass',
        "administrator",
    ),
]


@dataclass(frozen=True)
class _Answer:
    status: int | None
    reason: str
    message: str


@pytest.mark.parametrize(("name", "begins", "remedy"), _REFUSALS, ids=[row[0] for row in _REFUSALS])
def test_a_refusal_is_explained(name: str, begins: str, remedy: str) -> None:
    recorded = recording("refusals")[name]
    body = recorded["body"]
    answer = _Answer(recorded["status"], body.get("reason", ""), body["message"])
    problem = refusal(answer, creating="Pod nomos-validator-0")
    assert problem.what.startswith(f"the cluster refuses to create the Pod nomos-validator-0: {begins}")
    assert remedy in problem.remedy


def test_an_answer_that_is_not_known_is_shown_as_it_is() -> None:
    problem = refusal(_Answer(507, "", "etcd has no space"), creating="ConfigMap nomos-assets")
    assert problem.what == "the cluster refuses to create the ConfigMap nomos-assets: etcd has no space (507)"


def test_each_recorded_refusal_is_tested() -> None:
    assert set(recording("refusals")) == {row[0] for row in _REFUSALS}
