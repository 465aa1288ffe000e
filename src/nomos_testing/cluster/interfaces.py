"""What a deployer gives: a cluster of nodes that can be asked, and where the deployer can, stopped and cut off.

Everything above these interfaces (runner, workloads, expectations, faults, reports) is written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.roles import Role

__all__ = [
    "Cluster",
    "ClusterError",
    "LogSource",
    "NetworkControl",
    "NodeControl",
    "NodeControlError",
    "NodeHandle",
    "Role",
]


class LogSource(Protocol):
    """Where a node's log can be read while it runs and after it died."""

    async def tail(self, lines: int) -> Sequence[str]:
        """The last lines, oldest first; empty where the node has written none."""
        ...

    @property
    def location(self) -> str:
        """The file or the command that shows the whole log, for people to use."""
        ...


class NodeHandle(Protocol):
    """One node of a running cluster."""

    @property
    def role(self) -> Role: ...
    @property
    def index(self) -> int:
        """Position among the nodes of its role."""
        ...

    @property
    def name(self) -> str:
        """``validator-0``, ``executor-1``: directory, service and report name."""
        ...

    @property
    def label(self) -> str:
        """``validator#0@PORT`` with the libp2p port: how readiness messages name a node."""
        ...

    @property
    def url(self) -> str:
        """Base of the HTTP API, as the runner reaches it."""
        ...

    @property
    def client(self) -> NodeClient: ...
    @property
    def logs(self) -> LogSource: ...


class NodeControl(Protocol):
    """Stops and starts nodes. A node keeps its configuration, identity and data over all of it.

    Every call returns once it has happened. Starting returns when the node answers over HTTP.

    Raises:
        NodeControlError: it did not happen, and why.
    """

    async def start(self, node: NodeHandle) -> None: ...
    async def stop(self, node: NodeHandle, *, grace: float = 5.0) -> None:
        """Ask it to end (SIGTERM), and kill it after ``grace`` seconds."""
        ...

    async def kill(self, node: NodeHandle) -> None: ...
    async def pause(self, node: NodeHandle) -> None:
        """Freeze it: its sockets stay open and nothing answers."""
        ...

    async def resume(self, node: NodeHandle) -> None: ...
    async def restart(self, node: NodeHandle) -> None:
        """Kill and start."""
        ...

    async def restart_validator(self, index: int) -> None: ...
    async def restart_executor(self, index: int) -> None: ...
    async def heal(self) -> None:
        """Run every node again that was stopped, killed or paused through this control. Idempotent."""
        ...


class NetworkControl(Protocol):
    """Cuts and slows the links between nodes."""

    async def heal(self) -> None:
        """Undo every cut and delay, and verify it. Idempotent."""
        ...


class Cluster(Protocol):
    """A running network."""

    @property
    def nodes(self) -> Sequence[NodeHandle]:
        """Validators first, then executors."""
        ...

    @property
    def control(self) -> NodeControl | None: ...
    @property
    def network(self) -> NetworkControl | None: ...
    @property
    def metrics_url(self) -> str | None:
        """Base of a Prometheus server that holds the nodes' metrics."""
        ...

    async def close(self) -> None:
        """Idempotent; returns only when nothing is left running."""
        ...


class ClusterError(Exception):
    """The cluster could not do what it was asked for."""


class NodeControlError(ClusterError):
    """A node could not be stopped, started or frozen."""
