"""Permissions that the framework needs on a cluster. ``deploy/k8s/rbac.yaml`` grants these and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from nomos_testing.deployers.shared.errors import Problem

GRANT: Final = "kubectl apply -f deploy/k8s/rbac.yaml"

_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Permission:
    """Verbs on a resource of the core API group.

    Attributes:
        resource: its plural, with the subresource where there is one: ``pods/log``.
        lost: what is not possible without it; empty if there is no run without it.
    """

    resource: str
    verbs: tuple[str, ...]
    lost: str = ""

    def attributes(self, verb: str, namespace: str | None) -> dict[str, str]:
        """Return the ``resourceAttributes`` of a ``v1.SelfSubjectAccessReview``."""
        resource, _, subresource = self.resource.partition("/")
        place = {"namespace": namespace} if namespace else {}
        return {"verb": verb, "resource": resource, **({"subresource": subresource} if subresource else {}), **place}


MAKING_NAMESPACES: Final = (Permission("namespaces", ("create", "delete", "get", "list")),)
"""Needed unless ``K8S_NAMESPACE`` names a namespace that exists."""

IN_THE_CLUSTER: Final = (
    Permission(
        "nodes",
        ("list",),
        lost="the run does not know the cluster's machines, so it does not spread its nodes over them",
    ),
)

IN_THE_NAMESPACE: Final = (
    Permission("pods", ("create", "delete", "deletecollection", "get", "list", "watch")),
    Permission("pods/log", ("get",)),
    # A websocket begins with a GET, for which some versions of Kubernetes ask for "get" and others for "create".
    Permission("pods/exec", ("create", "get")),
    Permission("pods/attach", ("create", "get")),
    Permission("services", ("create", "delete", "get", "list")),
    Permission("configmaps", ("create", "delete", "deletecollection", "get", "list", "patch")),
    Permission("events", ("list",)),
    Permission(
        "pods/proxy",
        ("create", "get"),
        lost="nodes whose NodePort can't be reached are not reached through the API server",
    ),
    Permission(
        "pods/portforward",
        ("create", "get"),
        lost="nodes that neither a NodePort nor the API server's proxy reaches are not reached by a forward",
    ),
)


class Reviews(Protocol):
    """The part of ``KubernetesApi`` that makes reviews."""

    async def create(self, path: str, manifest: Mapping[str, Any], /) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Review:
    """The permissions that this account lacks.

    Attributes:
        needed: those without which there is no run.
        optional: those that a run can do without, and what is lost.
    """

    needed: tuple[Problem, ...]
    optional: tuple[Problem, ...]


async def missing_permissions(api: Reviews, *, namespace: str | None) -> list[Problem]:
    """Return the permissions without which there is no run.

    Args:
        namespace: the namespace of the run; None if the run makes one.

    Raises:
        ApiError: the API server does not answer.
    """
    return list((await permission_review(api, namespace=namespace)).needed)


async def permission_review(api: Reviews, *, namespace: str | None) -> Review:
    """Ask the API server for all permissions at once. Raises and takes the same as ``missing_permissions``."""
    cluster_wide = (*IN_THE_CLUSTER, *(() if namespace else MAKING_NAMESPACES))
    asked = [
        *((permission, None) for permission in cluster_wide),
        *((permission, namespace) for permission in IN_THE_NAMESPACE),
    ]
    refused = await asyncio.gather(*(_refused(api, permission, place) for permission, place in asked))
    lacking = [(permission, place, verbs) for (permission, place), verbs in zip(asked, refused, strict=True) if verbs]
    return Review(
        needed=tuple(_problem(*each) for each in lacking if not each[0].lost),
        optional=tuple(_problem(*each) for each in lacking if each[0].lost),
    )


async def _refused(api: Reviews, permission: Permission, namespace: str | None) -> list[str]:
    allowed = await asyncio.gather(
        *(_allowed(api, permission.attributes(verb, namespace)) for verb in permission.verbs)
    )
    return [verb for verb, may in zip(permission.verbs, allowed, strict=True) if not may]


async def _allowed(api: Reviews, attributes: Mapping[str, str]) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": dict(attributes)},
    }
    answer = await api.create(_REVIEWS, review)
    return bool(answer["status"]["allowed"])


def _problem(permission: Permission, namespace: str | None, verbs: Iterable[str]) -> Problem:
    place = f"in the namespace {namespace}" if namespace else "in the cluster"
    without = f"; without it, {permission.lost}" if permission.lost else ""
    own = ", or set K8S_NAMESPACE to a namespace that exists" if permission.resource == "namespaces" else ""
    return Problem(
        f"this account may not {', '.join(verbs)} {permission.resource} {place}{without}",
        f"let an administrator grant it: {GRANT}{own}",
    )
