"""The plan of a run's network on a cluster: its pods with their names, ports and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.container_ports import container_ports
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.observability.images import PrometheusImage
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.ports import NodePorts

NAMESPACE_PREFIX: Final = "nomos-k8s"
NODE_LABEL: Final = "logos-blockchain-testing.node"
"""Label of a node's pod and services, with the node's name."""
EXPIRES_ANNOTATION: Final = "logos-blockchain-testing.expires"
"""Annotation of a run's namespace: the time (ISO 8601) after which any later run removes it."""
RUN_ID_ANNOTATION: Final = "logos-blockchain-testing.run-id"
_POD_PREFIX: Final = "nomos-"
MOST_NODES: Final = 200
"""Largest number of nodes: limited by the successors of each base port."""
LARGEST_CONFIG_MAP: Final = 1_000_000
"""Bytes that fit into a ConfigMap. The API server takes 1 MiB, names and labels included."""
SPARE_SECONDS: Final = 3600.0
"""Time that a run may take beside twice its duration before its pods end by themselves."""


def fresh_release(rng: Random) -> str:
    """Return a name for the objects of one run: ``nomos-k8s-`` and 32 hex digits."""
    return f"{NAMESPACE_PREFIX}-{UUID(int=rng.getrandbits(128), version=4).hex}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePod:
    """The pod of one node."""

    role: Role
    index: int
    ports: NodePorts
    """Ports inside the pod."""

    @property
    def name(self) -> str:
        """Name of the node: ``validator-0``."""
        return f"{self.role}-{self.index}"

    @property
    def pod(self) -> str:
        """Name of the pod and of its service: ``nomos-validator-0``."""
        return pod_name(self.name)

    def sockets(self, address: str) -> NodeSockets:
        """Return the sockets that a relay stands before, with the address of the pod."""
        return NodeSockets(address, self.ports.peering)


def pod_name(node: str) -> str:
    """Return the name of a node's pod."""
    return f"{_POD_PREFIX}{node}"


def node_name(pod: str) -> str:
    """Return the name of a pod's node, or of what else it has: ``cfgsync``."""
    return pod.removeprefix(_POD_PREFIX)


def node_pods(spec: TopologySpec) -> tuple[NodePod, ...]:
    """Return the pods of a topology's nodes: validators first, then executors."""
    return tuple(
        NodePod(role=role, index=index, ports=container_ports(position, spec))
        for position, (role, index) in enumerate(spec.members)
    )


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file of the cluster's machines that pods mount."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How pods are placed on the machines of the cluster, and what they may use of them."""

    requests: Mapping[str, str]
    limits: Mapping[str, str]
    node_selector: Mapping[str, str]
    spread: bool
    """Put nodes on different machines where there are several."""
    service_account: str | None = None
    """None: the default one of the namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """The contents of all manifests."""

    release: str
    """Name of the run's objects."""
    run_id: str
    namespace: str
    owns_namespace: bool
    """The namespace is made for the run, and removed with it."""
    expires: datetime | None
    """When the pods end by themselves and a later run removes the namespace; None: never."""
    lifetime: int | None
    """Seconds after which a pod ends by itself; None: never."""
    image: str
    pull_policy: str
    nodes: Sequence[NodePod]
    environment: Mapping[str, str]
    """Of every node."""
    placement: Placement
    scripts: Mapping[str, str]
    """Text of each script of the nodes' containers, by file name."""
    cfgsync_port: int
    kzg: HostFile | None
    """Parameters on the cluster's machines; None: nodes take those of their image."""
    clock_library: bytes | None
    """libfaketime; None: clocks cannot be set."""
    relay: bool
    hold: bool
    """Nodes wait in their pods until the runner starts them."""
    log_directory: str | None = None
    """Where nodes write log files, in their containers; None: they write none."""
    prometheus: PrometheusImage | None = None
    """None: metrics are not collected."""
    prometheus_config: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Annotations that tell whose run it is."""

    @property
    def removal(self) -> str:
        """The command that removes the run's objects, for people."""
        if self.owns_namespace:
            return f"kubectl delete namespace {self.namespace}"
        return removal_command(self.namespace, self.release)


def removal_command(namespace: str, release: str) -> str:
    """Return the command that removes the objects of a run in a namespace that is not its own."""
    return f"kubectl -n {namespace} delete pods,services,configmaps -l {RUN_LABEL}={release}"
