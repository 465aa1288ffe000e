"""The permissions that the framework asks for are those that ``deploy/k8s/rbac.yaml`` grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from nomos_testing.deployers.k8s.permissions import (
    IN_THE_CLUSTER,
    IN_THE_NAMESPACE,
    MAKING_NAMESPACES,
    Permission,
    missing_permissions,
    permission_review,
)

_RBAC = Path(__file__).parents[4] / "deploy" / "k8s" / "rbac.yaml"
_CLUSTER_WIDE = (*MAKING_NAMESPACES, *IN_THE_CLUSTER, *IN_THE_NAMESPACE)


def _documents(text: str) -> dict[str, Any]:
    return {document["kind"]: document for document in yaml.safe_load_all(text) if document}


def _granted(role: Mapping[str, Any]) -> dict[str, set[str]]:
    assert all(rule["apiGroups"] == [""] for rule in role["rules"])
    rules = [(resource, set(rule["verbs"])) for rule in role["rules"] for resource in rule["resources"]]
    assert len(rules) == len(dict(rules)), "a resource is granted twice"
    return dict(rules)


def _wanted(permissions: Iterable[Permission]) -> dict[str, set[str]]:
    return {permission.resource: set(permission.verbs) for permission in permissions}


def _of_one_namespace() -> dict[str, Any]:
    """The documents that stand in comments at the end of the file."""
    _, marker, commented = _RBAC.read_text().partition("# ---\n")
    assert marker
    return _documents("\n".join(line.removeprefix("# ") for line in commented.splitlines()))


def test_the_cluster_role_grants_what_is_needed_and_nothing_else() -> None:
    assert _granted(_documents(_RBAC.read_text())["ClusterRole"]) == _wanted(_CLUSTER_WIDE)


def test_the_role_of_one_namespace_grants_what_is_needed_in_it_and_nothing_else() -> None:
    assert _granted(_of_one_namespace()["Role"]) == _wanted(IN_THE_NAMESPACE)


def test_the_role_of_jobs_grants_what_a_submitted_run_needs_beside_the_others() -> None:
    rules = _documents(_RBAC.read_text())["Role"]["rules"]
    assert [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in rules] == [
        (["batch"], ["jobs"], ["create", "delete"]),
        ([""], ["serviceaccounts"], ["get"]),
    ]


@pytest.mark.parametrize(
    ("documents", "binding", "role"),
    [
        (_documents(_RBAC.read_text()), "RoleBinding", "Role"),
        (_documents(_RBAC.read_text()), "ClusterRoleBinding", "ClusterRole"),
        (_of_one_namespace(), "RoleBinding", "Role"),
    ],
    ids=["jobs", "cluster", "namespace"],
)
def test_the_service_account_is_bound_to_the_role(documents: dict[str, Any], binding: str, role: str) -> None:
    account = _documents(_RBAC.read_text())["ServiceAccount"]["metadata"]
    assert documents[binding]["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": role,
        "name": documents[role]["metadata"]["name"],
    }
    assert documents[binding]["subjects"] == [{"kind": "ServiceAccount", **account}]


class _Reviewer:
    """An API server that refuses some verbs: ``create pods``."""

    def __init__(self, *refused: str) -> None:
        self._refused = refused
        self.asked: list[dict[str, str]] = []

    async def create(self, path: str, manifest: Mapping[str, Any], /) -> dict[str, Any]:
        assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        assert manifest["kind"] == "SelfSubjectAccessReview"
        attributes = manifest["spec"]["resourceAttributes"]
        self.asked.append(attributes)
        resource = "/".join(filter(None, (attributes["resource"], attributes.get("subresource"))))
        return {**manifest, "status": {"allowed": f"{attributes['verb']} {resource}" not in self._refused}}


async def test_an_account_that_may_do_everything_lacks_nothing() -> None:
    reviewer = _Reviewer()
    review = await permission_review(reviewer, namespace=None)
    assert (review.needed, review.optional) == ((), ())
    assert len(reviewer.asked) == sum(len(permission.verbs) for permission in _CLUSTER_WIDE)
    assert not any("namespace" in attributes for attributes in reviewer.asked)


async def test_in_a_namespace_that_exists_none_is_made() -> None:
    reviewer = _Reviewer("create namespaces")
    assert await missing_permissions(reviewer, namespace="team") == []
    places = {attributes["resource"]: attributes.get("namespace") for attributes in reviewer.asked}
    assert places == {"nodes": None, "pods": "team", "services": "team", "configmaps": "team", "events": "team"}


async def test_a_missing_permission_is_named_with_verb_resource_place_and_remedy() -> None:
    problems = await missing_permissions(_Reviewer("create pods/exec", "get pods/exec"), namespace="team")
    assert [str(problem) for problem in problems] == [
        "this account may not create, get pods/exec in the namespace team\n"
        "  -> let an administrator grant it: kubectl apply -f deploy/k8s/rbac.yaml"
    ]


async def test_without_permission_to_make_namespaces_an_existing_one_is_a_remedy() -> None:
    (problem,) = await missing_permissions(_Reviewer("create namespaces"), namespace=None)
    assert problem.what == "this account may not create namespaces in the cluster"
    assert problem.remedy.endswith("or set K8S_NAMESPACE to a namespace that exists")


async def test_an_optional_permission_says_what_is_lost_and_stops_no_run() -> None:
    reviewer = _Reviewer("list nodes", "get pods/proxy")
    review = await permission_review(reviewer, namespace=None)
    assert review.needed == ()
    assert [problem.what for problem in review.optional] == [
        "this account may not list nodes in the cluster; without it, the run does not know the cluster's machines, "
        "so it does not spread its nodes over them",
        "this account may not get pods/proxy in the cluster; without it, nodes whose NodePort can't be reached are not "
        "reached through the API server",
    ]
    assert await missing_permissions(reviewer, namespace=None) == []
