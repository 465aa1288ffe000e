"""JSON in and out of the configured Kubernetes cluster, for tests that ask what a cluster really says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import pytest

from support.processes.kubernetes_cluster import require_cluster

_SECONDS: Final = 60.0


class ClusterClient:
    """An account of a cluster."""

    def __init__(self, api: Any) -> None:
        self._api = api

    async def get(self, path: str) -> dict[str, Any]:
        return await self._request("GET", path)

    async def create(self, path: str, manifest: Mapping[str, Any], /) -> dict[str, Any]:
        return await self._request("POST", path, body=dict(manifest))

    async def delete(self, path: str) -> None:
        await self._request("DELETE", path)

    @asynccontextmanager
    async def with_token(self, token: str) -> AsyncIterator[ClusterClient]:
        """The account that a token belongs to, on the same cluster."""
        from kubernetes_asyncio import client

        settings = client.Configuration()
        settings.host = self._api.configuration.host
        settings.ssl_ca_cert = self._api.configuration.ssl_ca_cert
        settings.api_key = {"BearerToken": f"Bearer {token}"}
        async with client.ApiClient(settings) as api:
            yield ClusterClient(api)

    async def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = await self._api.call_api(
            path,
            method,
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            auth_settings=["BearerToken"],
            response_types_map=dict.fromkeys((200, 201, 202), "object"),
            _return_http_data_only=True,
            _request_timeout=30,
            **options,
        )
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def administrator() -> AsyncIterator[ClusterClient]:
    """The account of the configured cluster; the test is skipped where no cluster answers."""
    from kubernetes_asyncio import client, config

    settings = client.Configuration()
    await config.load_kube_config(require_cluster().kubeconfig, client_configuration=settings)
    async with client.ApiClient(settings) as api:
        yield ClusterClient(api)


@asynccontextmanager
async def namespace(account: ClusterClient, *, prefix: str) -> AsyncIterator[str]:
    """The name of a namespace that lasts as long as the block."""
    name = f"{prefix}-{uuid4().hex[:8]}"
    await account.create("/api/v1/namespaces", {"metadata": {"name": name}})
    try:
        await _until_pods_are_taken(account, name)
        yield name
    finally:
        await account.delete(f"/api/v1/namespaces/{name}")


async def _until_pods_are_taken(account: ClusterClient, name: str) -> None:
    """Wait for the service account of the namespace: before that, the API server refuses pods."""
    try:
        async with asyncio.timeout(_SECONDS):
            names: set[str] = set()
            while "default" not in names:
                await asyncio.sleep(0.1)
                names = await _service_accounts(account, name)
    except TimeoutError:
        pytest.fail(f"the namespace {name} had no service account after {_SECONDS:g} s")


async def _service_accounts(account: ClusterClient, name: str) -> set[str]:
    listed = await account.get(f"/api/v1/namespaces/{name}/serviceaccounts")
    return {each["metadata"]["name"] for each in listed["items"]}
