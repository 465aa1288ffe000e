"""Removes what a run has made on a cluster, or leaves it there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.waiting.waiting import Seen, wait_until

KINDS: Final = ("pods", "services", "configmaps")
"""Everything that a run makes in a namespace."""
_POLL_SECONDS: Final = 0.3
_DELETE_SECONDS: Final = 120.0

_log = logging.getLogger(__name__)


async def remove(api: KubernetesApi, namespace: str, release: str, *, owns_namespace: bool) -> None:
    """Remove a run's namespace, or its objects in a namespace that is not its own, and wait until they are gone.

    Raises:
        ApiError: the API server refuses or does not answer.
        WaitTimeout: something was still there in the end.
    """
    await begin_removal(api, namespace, release, owns_namespace=owns_namespace)

    async def look() -> Seen:
        left = await leftovers(api, release, namespace=namespace, owns_namespace=owns_namespace)
        return Seen(not left, ", ".join(left) or "nothing is left")

    await wait_until(f"the end of {namespace}", look, timeout=_DELETE_SECONDS, poll=_POLL_SECONDS)


async def begin_removal(api: KubernetesApi, namespace: str, release: str, *, owns_namespace: bool) -> None:
    """Delete a run's pods at once, and everything else in the background. Does nothing where nothing is.

    Raises:
        ApiError: the API server refuses or does not answer.
    """
    selector = f"{RUN_LABEL}={release}"
    # Pods first and without grace: a namespace waits for the pods that are in it.
    await api.delete_all(f"/api/v1/namespaces/{namespace}/pods", label_selector=selector, grace=0)
    if owns_namespace:
        await api.delete(f"/api/v1/namespaces/{namespace}")
        return
    for kind in KINDS[1:]:
        await api.delete_all(f"/api/v1/namespaces/{namespace}/{kind}", label_selector=selector)


async def leftovers(api: KubernetesApi, release: str, *, namespace: str, owns_namespace: bool) -> list[str]:
    """Return the names of what is left of a run: its namespace, or its objects in another one.

    Raises:
        ApiError: the API server refuses or does not answer.
    """
    if owns_namespace:
        found = await api.find(f"/api/v1/namespaces/{namespace}")
        return [] if found is None else [namespace]
    names = []
    for kind in KINDS:
        path = f"/api/v1/namespaces/{namespace}/{kind}"
        listed = await api.get(path, labelSelector=f"{RUN_LABEL}={release}")
        names += [f"{kind}/{item['metadata']['name']}" for item in listed["items"]]
    return names


async def remove_expired(api: KubernetesApi, now: datetime) -> list[str]:
    """Begin to remove the namespaces of runs whose time is over. Their runner and its reaper did not.

    Returns:
        Their names.
    """
    try:
        found = await api.get("/api/v1/namespaces", labelSelector=RUN_LABEL)
    except ApiError as error:  # a runner in one namespace may not list all
        _log.debug("expired namespaces are not looked for: %s", error)
        return []
    expired = [item["metadata"]["name"] for item in found["items"] if _has_expired(item, now)]
    for name in expired:
        await api.delete_all(f"/api/v1/namespaces/{name}/pods", label_selector=RUN_LABEL, grace=0)
        await api.delete(f"/api/v1/namespaces/{name}")
    return expired


def _has_expired(item: Mapping[str, Any], now: datetime) -> bool:
    text = item["metadata"].get("annotations", {}).get(EXPIRES_ANNOTATION)
    try:
        return text is not None and datetime.fromisoformat(text) < now
    except ValueError:
        return False
