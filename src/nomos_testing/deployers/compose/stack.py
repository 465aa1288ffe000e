"""The plan of a stack: its containers with their names, addresses and ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.container_ports import container_ports
from nomos_testing.observability.images import PrometheusImage
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.ports import NodePorts

PROJECT_PREFIX: Final = "nomos-compose"
CFGSYNC_PORT: Final = 4400
MOST_NODES: Final = 200
"""Largest number of nodes: limited by the addresses of a /24 network and the successors of each base port."""
_SUBNETS: Final = ipaddress.IPv4Network("10.128.0.0/9")
_ROUTES: Final = Path("/proc/net/route")
_ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class StackName:
    """The name of a stack. ``uuid`` distinguishes the stacks of a machine."""

    uuid: str

    @classmethod
    def fresh(cls, rng: Random) -> StackName:
        return cls(str(UUID(int=rng.getrandbits(128), version=4)))

    @property
    def project(self) -> str:
        return f"{PROJECT_PREFIX}-{self.uuid}"

    @property
    def cfgsync(self) -> str:
        return f"nomos-cfgsync-{self.uuid}"

    def container(self, service: str) -> str:
        """Return the container's name. It is set explicitly, because compose tools make different names."""
        return f"{self.project}-{service}-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNode:
    """The container of one node."""

    role: Role
    index: int
    ports: NodePorts
    """Ports inside the container."""
    address: str
    """Address in the stack's network."""

    @property
    def name(self) -> str:
        """Name of the node and of the service: ``validator-0``."""
        return f"{self.role}-{self.index}"


@dataclass(frozen=True, slots=True)
class StackNetwork:
    """A network with fixed addresses: configurations name them, and a restarted node keeps its own."""

    subnet: ipaddress.IPv4Network

    @property
    def relay(self) -> str:
        return str(self.subnet[2])  # the first is the host's

    @property
    def cfgsync(self) -> str:
        return str(self.subnet[3])

    @property
    def prometheus(self) -> str:
        return str(self.subnet[4])

    @property
    def grafana(self) -> str:
        return str(self.subnet[5])

    def node(self, position: int) -> str:
        return str(self.subnet[10 + position])


def stack_nodes(spec: TopologySpec, network: StackNetwork) -> list[StackNode]:
    """Return the containers of a topology's nodes: validators first, then executors."""
    return [
        StackNode(role=role, index=index, ports=container_ports(position, spec), address=network.node(position))
        for position, (role, index) in enumerate(spec.members)
    ]


def stack_node(role: Role, index: int, position: int, network: StackNetwork) -> StackNode:
    """Return the node that joins at a position."""
    return StackNode(role=role, index=index, ports=container_ports(position), address=network.node(position))


def relay_sockets(nodes: Iterable[StackNode]) -> dict[str, NodeSockets]:
    """Return the sockets of nodes that a relay stands before, by node name."""
    return {node.name: NodeSockets(node.address, node.ports.peering) for node in nodes}


def free_network(rng: Random, routes: Path = _ROUTES) -> StackNetwork:
    """Find a /24 network that no route of this machine leads to, those of Docker's networks included.

    Raises:
        OSError: none was found.
    """
    taken = _routed(routes)
    for _ in range(_ATTEMPTS):
        address = ipaddress.IPv4Address(rng.randrange(int(_SUBNETS[0]), int(_SUBNETS[-1])) & ~0xFF)
        subnet = ipaddress.IPv4Network((address, 24))
        if not any(subnet.overlaps(other) for other in taken):
            return StackNetwork(subnet)
    raise OSError(f"no free /24 network was found in {_SUBNETS}")


def _routed(routes: Path) -> list[ipaddress.IPv4Network]:
    """Return the destinations of the routing table without the default route. Its numbers are little-endian hex."""
    try:
        rows = [line.split() for line in routes.read_text().splitlines()[1:]]
    except OSError:
        return []
    networks = [(_address(row[1]), _address(row[7])) for row in rows if len(row) > 7]
    return [ipaddress.IPv4Network((address, mask)) for address, mask in networks if mask != "0.0.0.0"]


def _address(text: str) -> str:
    return str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(text), "little")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The contents of the compose file."""

    name: StackName
    image: str
    platform: str | None
    nodes: Sequence[StackNode]
    network: StackNetwork
    environment: Mapping[str, str]
    """Of every node."""
    bind_address: str
    """Of the host, where the containers' ports are published."""
    extra_host: str | None
    kzg: bool
    """There is a directory of KZG parameters beside the file."""
    clocks: bool
    """There is a directory with libfaketime and a clock for each node beside the file."""
    relay_log: Path | None
    """Where the relay between the nodes writes its evidence; None: there is no relay."""
    log_directory: str | None = None
    """Where nodes write log files, in their containers; None: they write none."""
    prometheus: PrometheusImage | None = None
    """None: metrics are not collected."""
    prometheus_port: int = 0
    grafana_image: str | None = None
    grafana_password: str | None = field(default=None, repr=False)
    """None: Grafana's default."""
    grafana_port: int = 0
    marks: Mapping[str, str] = field(default_factory=dict)
    """Labels that tell whose run it is."""
