"""Reasons why the API server refuses to create an object, each with its remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from nomos_testing.deployers.k8s.permissions import GRANT
from nomos_testing.deployers.shared.errors import Problem


class Refused(Protocol):
    """An answer of the API server that is no success; ``ApiError`` is one."""

    @property
    def status(self) -> int | None: ...

    @property
    def reason(self) -> str: ...

    @property
    def message(self) -> str: ...


_Described = Callable[[re.Match[str]], tuple[str, str]]

_RBAC: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
_QUOTA: Final = re.compile(r"exceeded quota: (?P<name>[^,]+), (?P<amounts>.*)", re.S)
_QUOTA_NEEDS: Final = re.compile(r"failed quota: (?P<name>[^:]+): must specify (?P<what>.*)", re.S)
_POD_SECURITY: Final = re.compile(r'violates PodSecurity "(?P<rule>[^"]+)": (?P<faults>.*)', re.S)
_LIMIT_RANGE: Final = re.compile(r"(?:minimum|maximum) \S+ usage per .*|\S+ max limit to request ratio per .*", re.S)
_WEBHOOK: Final = re.compile(r'admission webhook "(?P<name>[^"]+)" denied the request:? ?(?P<words>.*)', re.S)
_WEBHOOK_AWAY: Final = re.compile(r'failed calling webhook "(?P<name>[^"]+)": (?P<words>.*)', re.S)
_POLICY: Final = re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']+)' .*?denied request: (?P<words>.*)", re.S)
_NO_NAMESPACE: Final = re.compile(r'namespaces "(?P<name>[^"]+)" not found')
_ENDING_NAMESPACE: Final = re.compile(r"in namespace (?P<name>\S+) because it is being terminated")


def refusal(error: Refused, *, creating: str) -> Problem:
    """Return why the API server does not create something.

    Args:
        creating: the object, for people: ``pod nomos-validator-0``.
    """
    for pattern, described in _REFUSALS:
        if found := pattern.search(error.message):
            why, remedy = described(found)
            return Problem(f"the cluster refuses to create the {creating}: {why}", remedy)
    why, remedy = _REFUSED_WITH.get(error.status or 0, _REFUSED_OTHERWISE)
    status = f" ({error.status} {error.reason})".replace(" )", ")") if error.status else ""
    return Problem(f"the cluster refuses to create the {creating}: {why}{error.message}{status}", remedy)


def _forbidden(found: re.Match[str]) -> tuple[str, str]:
    resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
    place = f"in the namespace {found['namespace']}" if found["namespace"] else "in the cluster"
    own = ", or set K8S_NAMESPACE to a namespace that exists" if found["resource"] == "namespaces" else ""
    return (
        f"{found['user']} may not {found['verb']} {resource} {place}",
        f"let an administrator grant it: {GRANT}{own}",
    )


def _over_quota(found: re.Match[str]) -> tuple[str, str]:
    return (
        f"the ResourceQuota {found['name']} is exceeded: {found['amounts']}",
        f"run fewer nodes, ask for less with `k8s: {{resources}}`, or raise it: "
        f"`kubectl edit resourcequota {found['name']}`",
    )


def _without_request(found: re.Match[str]) -> tuple[str, str]:
    return (
        f"the ResourceQuota {found['name']} wants each pod to say {found['what']}",
        "say it in the scenario: `k8s: {resources}`, or in K8S_RUNNER_LIMITS and K8S_RUNNER_REQUESTS",
    )


def _insecure(found: re.Match[str]) -> tuple[str, str]:
    remedies = []
    if "hostPath" in found["faults"]:
        remedies.append("set NOMOS_KZG_MODE=inImage, so that pods need no hostPath volume")
    level = found["rule"].partition(":")[0]
    remedies.append(
        f"run in a namespace (K8S_NAMESPACE) whose label pod-security.kubernetes.io/enforce is weaker than {level}"
    )
    return f'it violates the Pod Security rule "{found["rule"]}": {found["faults"]}', "; or ".join(remedies)


def _out_of_range(found: re.Match[str]) -> tuple[str, str]:
    return (
        f"a LimitRange of the namespace forbids it: {found[0]}",
        "ask for an amount in that range with `k8s: {resources}`; `kubectl describe limitrange` shows it",
    )


def _ending_namespace(found: re.Match[str]) -> tuple[str, str]:
    return (
        f"its namespace {found['name']} is being deleted",
        f"wait until it is gone (`kubectl get namespace {found['name']}`), or set K8S_NAMESPACE to another one",
    )


def _no_namespace(found: re.Match[str]) -> tuple[str, str]:
    return (
        f"there is no namespace {found['name']}",
        f"make it: `kubectl create namespace {found['name']}`, or unset K8S_NAMESPACE to have one made for each run",
    )


def _denied(kind: str) -> _Described:
    def described(found: re.Match[str]) -> tuple[str, str]:
        return (
            f'the {kind} "{found["name"]}" denies it: {found["words"] or "it gives no reason"}',
            "this is a rule of the cluster: ask its administrator for an exception for the namespace of the run",
        )

    return described


def _webhook_away(found: re.Match[str]) -> tuple[str, str]:
    return (
        f'the admission webhook "{found["name"]}" of the cluster does not answer: {found["words"]}',
        "bring its service back, or let an administrator except the namespace of the run from it",
    )


_REFUSALS: Final[tuple[tuple[re.Pattern[str], _Described], ...]] = (
    (_RBAC, _forbidden),
    (_QUOTA, _over_quota),
    (_QUOTA_NEEDS, _without_request),
    (_POD_SECURITY, _insecure),
    (_ENDING_NAMESPACE, _ending_namespace),
    (_WEBHOOK, _denied("admission webhook")),
    (_WEBHOOK_AWAY, _webhook_away),
    (_POLICY, _denied("admission policy")),
    (_LIMIT_RANGE, _out_of_range),
    (_NO_NAMESPACE, _no_namespace),
)
_REFUSED_WITH: Final = {
    401: (
        "the credentials are not accepted: ",
        "log in again, or make a new kubeconfig: `kubectl auth whoami` must work",
    ),
    403: ("it is forbidden: ", "this is a rule of the cluster: ask its administrator"),
    409: ("it is there already: ", "end the other run in this namespace, or set K8S_NAMESPACE to another one"),
    422: ("it is invalid: ", "correct the field that the message names, in the scenario's `k8s:` section"),
}
_REFUSED_OTHERWISE: Final = (
    "",
    "see the API server's log; `kubectl get --raw /readyz?verbose` says whether it is healthy",
)
