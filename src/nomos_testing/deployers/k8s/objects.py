"""Makes the objects of a run on a cluster: namespace, ConfigMaps, services and pods."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nomos_testing.deployers.k8s import manifests
from nomos_testing.deployers.k8s.api_errors import ApiError, Forbidden
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.manifests import Manifest
from nomos_testing.deployers.k8s.plan import NetworkPlan, NodePod
from nomos_testing.deployers.k8s.refusals import refusal
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.deployers.shared.together import together
from nomos_testing.waiting.waiting import Seen, wait_until

_KINDS: Final = {"Namespace": "namespaces", "ConfigMap": "configmaps", "Service": "services", "Pod": "pods"}
_ACCOUNT_SECONDS: Final = 30.0
"""How long a new namespace may take until it has its service account."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunObjects:
    """The objects of one run."""

    api: KubernetesApi
    plan: NetworkPlan
    node_ports: dict[str, dict[int, int]] = field(default_factory=dict)
    """The NodePort of each port of each service, by the service's name."""

    async def make_namespace(self) -> None:
        """Make the namespace, unless it is there already, and all that pods need in it.

        Raises:
            DeployError: the API server refuses, and why.
        """
        if self.plan.owns_namespace:
            await self.make(manifests.namespace(self.plan))
        await self.make_all([*manifests.config_maps(self.plan), *manifests.services(self.plan)])

    async def make_all(self, wanted: Iterable[Manifest]) -> None:
        """Make several objects at once.

        Raises:
            DeployError: the API server refuses one of them, and why.
        """
        await together(self.make(manifest) for manifest in wanted)

    async def make(self, manifest: Manifest) -> None:
        """Make one object.

        Raises:
            DeployError: the API server refuses, and why.
        """
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        _log.debug("making %s %s in %s", kind, name, self.plan.namespace)
        try:
            made = await (self._make_pod(manifest) if kind == "Pod" else self._create(manifest))
        except ApiError as error:
            raise DeployError(str(refusal(error, creating=f"{kind} {name}"))) from error
        if kind == "Service":
            self.node_ports[name] = _node_ports(made)

    async def make_node(self, node: NodePod) -> None:
        """Make the pod and the service of one more node, and have Prometheus scrape it.

        Raises:
            DeployError: the API server refuses, and why.
        """
        plan = self.plan
        await self.make_all([manifests.node_service(plan, node), manifests.node_pod(plan, node)])
        if plan.prometheus is not None:
            path = f"/api/v1/namespaces/{plan.namespace}/configmaps/{manifests.PROMETHEUS}"
            await self.api.patch(path, {"data": manifests.prometheus_files(plan)})

    async def _make_pod(self, manifest: Manifest) -> Mapping[str, Any]:
        """Make a pod. A namespace has its service account a moment after it was made, and refuses pods before."""
        made: list[Mapping[str, Any]] = []

        async def look() -> Seen:
            try:
                made.append(await self._create(manifest))
            except Forbidden as error:
                if "serviceaccount" not in error.message or "not found" not in error.message:
                    raise
                return Seen(False, error.message)
            return Seen(True, "made")

        await wait_until("the namespace's service account", look, timeout=_ACCOUNT_SECONDS)
        return made[0]

    async def _create(self, manifest: Manifest) -> Mapping[str, Any]:
        kind = manifest["kind"]
        scope = "" if kind == "Namespace" else f"namespaces/{self.plan.namespace}/"
        return await self.api.create(f"/api/v1/{scope}{_KINDS[kind]}", manifest)


def _node_ports(service: Mapping[str, Any]) -> dict[int, int]:
    return {entry["port"]: entry["nodePort"] for entry in service["spec"].get("ports", ()) if "nodePort" in entry}
