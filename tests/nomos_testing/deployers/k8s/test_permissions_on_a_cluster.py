"""The service account of ``deploy/k8s/rbac.yaml`` on a real cluster: what it lacks before and after it is bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import yaml

from nomos_testing.deployers.k8s.permissions import (
    IN_THE_CLUSTER,
    IN_THE_NAMESPACE,
    MAKING_NAMESPACES,
    Permission,
    Review,
    permission_review,
)
from support.processes.cluster_client import ClusterClient, administrator, namespace
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

_RBAC: Final = (REPOSITORY / "deploy" / "k8s" / "rbac.yaml").read_text()
_ACCESS: Final = "/apis/rbac.authorization.k8s.io/v1"
_SECONDS: Final = 60.0
"""How long the cluster may take until it applies a new binding."""


def _documents(text: str, name: str) -> dict[str, Any]:
    """The documents of the file by their kind, with ``name`` wherever it says nomos-testing."""
    documents = yaml.safe_load_all(text.replace("nomos-testing", name))
    return {document["kind"]: document for document in documents if document}


@asynccontextmanager
async def _account(admin: ClusterClient, place: str) -> AsyncIterator[ClusterClient]:
    """The service account of the file, in a namespace of its own, not bound to anything."""
    accounts = f"/api/v1/namespaces/{place}/serviceaccounts"
    await admin.create(accounts, _documents(_RBAC, place)["ServiceAccount"])
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    answer = await admin.create(f"{accounts}/{place}/token", request)
    async with admin.with_token(answer["status"]["token"]) as account:
        yield account


@asynccontextmanager
async def _made(admin: ClusterClient, path: str, manifest: dict[str, Any]) -> AsyncIterator[None]:
    await admin.create(path, manifest)
    try:
        yield
    finally:
        await admin.delete(f"{path}/{manifest['metadata']['name']}")


async def _until_nothing_is_needed(account: ClusterClient, place: str | None) -> Review:
    review = await permission_review(account, namespace=place)
    try:
        async with asyncio.timeout(_SECONDS):
            while review.needed:
                await asyncio.sleep(0.2)
                review = await permission_review(account, namespace=place)
    except TimeoutError:
        pytest.fail(f"still missing {_SECONDS:g} s after the account was bound: {review.needed}")
    return review


def _named(permissions: tuple[Permission, ...]) -> set[str]:
    return {f"this account may not {', '.join(each.verbs)} {each.resource} " for each in permissions}


async def test_the_cluster_role_grants_all_and_without_it_each_permission_is_named() -> None:
    async with (
        administrator() as admin,
        namespace(admin, prefix="diagnosis") as place,
        _account(admin, place) as account,
    ):
        review = await permission_review(account, namespace=None)
        problems = [problem.what for problem in (*review.needed, *review.optional)]
        expected = _named((*MAKING_NAMESPACES, *IN_THE_CLUSTER, *IN_THE_NAMESPACE))
        assert {begin for begin in expected for what in problems if what.startswith(begin)} == expected
        assert len(problems) == len(expected)

        documents = _documents(_RBAC, place)
        async with (
            _made(admin, f"{_ACCESS}/clusterroles", documents["ClusterRole"]),
            _made(admin, f"{_ACCESS}/clusterrolebindings", documents["ClusterRoleBinding"]),
        ):
            granted = await _until_nothing_is_needed(account, None)
            assert granted.optional == ()


async def test_the_role_of_one_namespace_grants_all_but_the_list_of_machines() -> None:
    commented = _RBAC.partition("# ---\n")[2]
    text = "\n".join(line.removeprefix("# ") for line in commented.splitlines())
    async with (
        administrator() as admin,
        namespace(admin, prefix="diagnosis") as place,
        _account(admin, place) as account,
    ):
        documents = _documents(text, place)
        await admin.create(f"{_ACCESS}/namespaces/{place}/roles", documents["Role"])
        await admin.create(f"{_ACCESS}/namespaces/{place}/rolebindings", documents["RoleBinding"])
        (optional,) = (await _until_nothing_is_needed(account, place)).optional
        assert optional.what.startswith("this account may not list nodes in the cluster; without it, ")
        elsewhere = await permission_review(account, namespace="default")
        assert len(elsewhere.needed) + len(elsewhere.optional) == len((*IN_THE_CLUSTER, *IN_THE_NAMESPACE))
