"""The runs on a cluster: their namespaces, and their pods in a namespace that is not their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nomos_testing.deployers.k8s.api_errors import ApiError, Forbidden
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.plan import EXPIRES_ANNOTATION, RUN_ID_ANNOTATION
from nomos_testing.deployers.k8s.teardown import begin_removal
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.run_owner import (
    DIRECTORY_MARK,
    OWNER_MARK,
    SCENARIO_MARK,
    OwnerState,
    RunOwner,
    state_of,
)
from nomos_testing.doctor.presence import Presence, counted


@dataclass(frozen=True, slots=True)
class Release:
    """The objects of one run on a cluster."""

    name: str
    """Name of the release, which is in the label of each object."""
    namespace: str
    owns_namespace: bool
    presence: Presence


async def releases(api: KubernetesApi, *, namespace: str | None, now: float) -> list[Release]:
    """Return the runs of which something is on the cluster.

    Args:
        namespace: a namespace that is not the runs' own, to look in as well.
        now: seconds of the Unix epoch.

    Raises:
        ApiError: the API server does not answer.
    """
    try:
        items = (await api.get("/api/v1/namespaces", labelSelector=RUN_LABEL))["items"]
    except Forbidden:  # an account of one namespace may not list all
        items = []
    found = [_of_namespace(item, now) for item in items]
    if namespace is not None:
        found += await _in_namespace(api, namespace, now)
    return found


async def remove_release(api: KubernetesApi, release: Release) -> None:
    """Begin to remove the objects of a run.

    Raises:
        ApiError: the API server refuses or does not answer.
    """
    await begin_removal(api, release.namespace, release.name, owns_namespace=release.owns_namespace)


async def _in_namespace(api: KubernetesApi, namespace: str, now: float) -> list[Release]:
    pods: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    try:
        listed = await api.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=RUN_LABEL)
    except ApiError as error:
        if isinstance(error, Forbidden):
            return []
        raise
    for pod in listed["items"]:
        pods[pod["metadata"]["labels"][RUN_LABEL]].append(pod)
    return [
        Release(
            name,
            namespace,
            False,
            _presence(name, own[0]["metadata"], counted([pod["metadata"]["name"] for pod in own], "pod"), now),
        )
        for name, own in pods.items()
    ]


def _of_namespace(item: Mapping[str, Any], now: float) -> Release:
    metadata = item["metadata"]
    name = metadata["labels"][RUN_LABEL]
    return Release(name, metadata["name"], True, _presence(name, metadata, f"namespace {metadata['name']}", now))


def _presence(release: str, metadata: Mapping[str, Any], thing: str, now: float) -> Presence:
    annotations = metadata.get("annotations") or {}
    owner = RunOwner.parse(annotations.get(OWNER_MARK, ""))
    directory, expires = annotations.get(DIRECTORY_MARK), _time(annotations.get(EXPIRES_ANNOTATION))
    state = state_of(annotations.get(OWNER_MARK))
    if expires is not None and expires < now:  # its pods have ended by themselves
        state = OwnerState.DEAD
    return Presence(
        runner="k8s",
        name=annotations.get(RUN_ID_ANNOTATION) or (Path(directory).name if directory else release),
        state=state,
        things=(thing,),
        scenario=annotations.get(SCENARIO_MARK),
        directory=directory,
        since=_time(metadata.get("creationTimestamp")),
        owner=None if owner is None else owner.shown,
    )


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
