"""The service account of ``deploy/k8s/rbac.yaml`` on a real cluster: what it lacks before and after it is bound."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import yaml
from aiohttp import ClientError

from nomos_testing.deployers.k8s.permissions import (
    IN_THE_CLUSTER,
    IN_THE_NAMESPACE,
    MAKING_NAMESPACES,
    Permission,
    Review,
    permission_review,
)
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

_RBAC: Final = REPOSITORY / "deploy" / "k8s" / "rbac.yaml"
_SECONDS: Final = 60.0
"""How long the cluster may take until it applies a new binding."""


class _Account:
    """An account of the cluster that asks what it may do."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def create(self, path: str, manifest: Mapping[str, Any], /) -> dict[str, Any]:
        answer = await self._client.call_api(
            path,
            "POST",
            body=dict(manifest),
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            auth_settings=["BearerToken"],
            response_types_map={201: "object"},
            _return_http_data_only=True,
        )
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def _administrator() -> AsyncIterator[Any]:
    """A client of the configured cluster; the test is skipped where none answers."""
    from kubernetes_asyncio import client, config

    configured = _kubeconfig()
    settings = client.Configuration()
    await config.load_kube_config(configured, client_configuration=settings)
    async with client.ApiClient(settings) as api:
        try:
            await client.VersionApi(api).get_code(_request_timeout=10)
        except (ClientError, TimeoutError) as error:
            pytest.skip(f"no Kubernetes cluster: that of {configured} does not answer: {error}")
        yield api


def _kubeconfig() -> str:
    configured = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    if not all(Path(file).is_file() for file in configured.split(os.pathsep)):
        pytest.skip(f"no Kubernetes cluster: {configured} is not there")
    return configured


@asynccontextmanager
async def _account(administrator: Any, name: str, documents: Mapping[str, Any]) -> AsyncIterator[_Account]:
    """The service account of the file, in a namespace of its own, not bound to anything."""
    from kubernetes_asyncio import client

    core = client.CoreV1Api(administrator)
    await core.create_namespace({"metadata": {"name": name}})
    try:
        await core.create_namespaced_service_account(name, documents["ServiceAccount"])
        request = {"spec": {"audiences": [], "expirationSeconds": 600}}
        token = await core.create_namespaced_service_account_token(name, name, request)
        settings = client.Configuration()
        settings.host = administrator.configuration.host
        settings.ssl_ca_cert = administrator.configuration.ssl_ca_cert
        settings.api_key = {"BearerToken": f"Bearer {token.status.token}"}
        async with client.ApiClient(settings) as api:
            yield _Account(api)
    finally:
        await core.delete_namespace(name)


def _documents(text: str, name: str) -> dict[str, Any]:
    """The documents of the file by their kind, with ``name`` wherever it says nomos-testing."""
    documents = yaml.safe_load_all(text.replace("nomos-testing", name))
    return {document["kind"]: document for document in documents if document}


def _named(permissions: tuple[Permission, ...]) -> set[str]:
    return {f"this account may not {', '.join(each.verbs)} {each.resource} " for each in permissions}


async def _until_nothing_is_needed(account: _Account, namespace: str | None) -> Review:
    review = await permission_review(account, namespace=namespace)
    try:
        async with asyncio.timeout(_SECONDS):
            while review.needed:
                await asyncio.sleep(0.2)
                review = await permission_review(account, namespace=namespace)
    except TimeoutError:
        pytest.fail(f"still missing {_SECONDS:g} s after the account was bound: {review.needed}")
    return review


async def test_the_cluster_role_grants_all_and_without_it_each_permission_is_named() -> None:
    from kubernetes_asyncio import client

    name = f"diagnosis-{uuid4().hex[:8]}"
    documents = _documents(_RBAC.read_text(), name)
    async with _administrator() as administrator, _account(administrator, name, documents) as account:
        review = await permission_review(account, namespace=None)
        problems = [problem.what for problem in (*review.needed, *review.optional)]
        expected = _named((*MAKING_NAMESPACES, *IN_THE_CLUSTER, *IN_THE_NAMESPACE))
        assert {begin for begin in expected for what in problems if what.startswith(begin)} == expected
        assert len(problems) == len(expected)

        access = client.RbacAuthorizationV1Api(administrator)
        await access.create_cluster_role(documents["ClusterRole"])
        try:
            await access.create_cluster_role_binding(documents["ClusterRoleBinding"])
            try:
                granted = await _until_nothing_is_needed(account, None)
                assert granted.optional == ()
            finally:
                await access.delete_cluster_role_binding(name)
        finally:
            await access.delete_cluster_role(name)


async def test_the_role_of_one_namespace_grants_all_but_the_list_of_machines() -> None:
    from kubernetes_asyncio import client

    name = f"diagnosis-{uuid4().hex[:8]}"
    text = _RBAC.read_text()
    commented = text.partition("# ---\n")[2]
    role = _documents("\n".join(line.removeprefix("# ") for line in commented.splitlines()), name)
    async with _administrator() as administrator, _account(administrator, name, _documents(text, name)) as account:
        access = client.RbacAuthorizationV1Api(administrator)
        await access.create_namespaced_role(name, role["Role"])
        await access.create_namespaced_role_binding(name, role["RoleBinding"])
        granted = await _until_nothing_is_needed(account, name)
        (optional,) = granted.optional
        assert optional.what.startswith("this account may not list nodes in the cluster; without it, ")
        elsewhere = await permission_review(account, namespace="default")
        assert len(elsewhere.needed) + len(elsewhere.optional) == len((*IN_THE_CLUSTER, *IN_THE_NAMESPACE))
