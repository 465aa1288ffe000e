"""The interface of a deployed network: a cluster of nodes, and controls that stop nodes and cut links.

Everything above these interfaces (runner, workloads, expectations, faults, reports) is written once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import ALL_LINKS, Impairment, Links, LinkVerification
from nomos_testing.cluster.roles import Role
from nomos_testing.failure import Failure

__all__ = [
    "Cluster",
    "ClusterError",
    "Impairment",
    "LinkEffect",
    "LinkVerification",
    "Links",
    "LogMark",
    "LogSource",
    "NetworkControl",
    "NetworkControlError",
    "NodeControl",
    "NodeControlError",
    "NodeHandle",
    "Role",
]


@dataclass(frozen=True, slots=True)
class LogMark:
    """The length of a log at one moment. Only its ``LogSource`` knows the meaning of the positions."""

    positions: Mapping[str, int]


class LogSource(Protocol):
    """The log of a node. It can be read while the node runs and after its end."""

    async def tail(self, lines: int) -> Sequence[str]:
        """Return the last lines, oldest first."""
        ...

    async def mark(self) -> LogMark:
        """Return the current length of the log."""
        ...

    async def since(self, mark: LogMark) -> Sequence[str]:
        """Return the lines written after a mark, oldest first."""
        ...

    @property
    def location(self) -> str:
        """The file with the whole log, or the command that shows it, for people."""
        ...


class NodeHandle(Protocol):
    """One node of a running cluster."""

    @property
    def role(self) -> Role:
        """Validator or executor."""
        ...

    @property
    def index(self) -> int:
        """Position among the nodes of its role, from 0."""
        ...

    @property
    def name(self) -> str:
        """``validator-0``, ``executor-1``: the name of the directory, the service and in reports."""
        ...

    @property
    def label(self) -> str:
        """``validator#0@PORT`` with the libp2p port: the name of the node in readiness messages."""
        ...

    @property
    def url(self) -> str:
        """Base of the HTTP API, as the runner reaches it."""
        ...

    @property
    def client(self) -> NodeClient:
        """Client of its HTTP API."""
        ...

    @property
    def logs(self) -> LogSource:
        """Its log."""
        ...


class NodeControl(Protocol):
    """Stops and starts nodes. A node keeps its configuration, identity and data unless a method says otherwise.

    Every call returns once it has happened. Starting returns when the node answers over HTTP.

    Raises:
        NodeControlError: it did not happen, and why.
    """

    def running(self, node: NodeHandle) -> bool:
        """Tell whether the node has a process, also a paused one."""
        ...

    async def start(self, node: NodeHandle) -> None:
        """Start a node that does not run."""
        ...

    async def stop(self, node: NodeHandle, *, grace: float = 5.0) -> None:
        """Ask it to end (SIGTERM), and kill it after ``grace`` seconds."""
        ...

    async def kill(self, node: NodeHandle) -> None:
        """End it at once (SIGKILL)."""
        ...

    async def pause(self, node: NodeHandle) -> None:
        """Freeze it: its sockets stay open and nothing answers."""
        ...

    async def resume(self, node: NodeHandle) -> None:
        """Let a paused node continue (SIGCONT)."""
        ...

    async def restart(self, node: NodeHandle, *, config: str | None = None, wipe_data: bool = False) -> None:
        """Kill the node and start it again.

        ``config`` is its new YAML, ``wipe_data`` deletes everything that it has stored.
        """
        ...

    async def restart_validator(self, index: int) -> None:
        """Restart the validator with this index."""
        ...

    async def restart_executor(self, index: int) -> None:
        """Restart the executor with this index."""
        ...

    async def add_node(self, role: Role) -> NodeHandle:
        """Start a node that is new to the network, and return when it answers.

        It has no stake in genesis: it follows the chain and proposes nothing.
        """
        ...

    async def fill_disk(self, node: NodeHandle) -> None:
        """Keep every file of the node from growing, so that its writes fail as on a full disk."""
        ...

    async def free_disk(self, node: NodeHandle) -> None:
        """Let the node's files grow again."""
        ...

    async def skew_clock(self, node: NodeHandle, seconds: float) -> None:
        """Shift the node's wall clock by so many seconds; 0 puts it right. Timeouts are not affected."""
        ...

    async def heal(self) -> None:
        """Undo everything that this control did: every node runs again, with its former disk and clock.

        Idempotent.
        """
        ...


class NetworkControl(Protocol):
    """Cuts and impairs the links between nodes. Nodes are given by name.

    Impairments add up: delays are summed, losses are independent of each other, the narrowest bandwidth counts, and a
    link is whole again once the last of them is lifted. They concern every protocol nodes speak with each other, new
    connections as well as open ones, and never the HTTP API.

    Every call returns once it has taken effect, which is well below half a second.

    Raises:
        NetworkControlError: an unknown node, a number out of range, or it did not take effect, and why.
    """

    async def partition(self, groups: Sequence[Collection[str]], *, one_way: bool = False) -> Impairment:
        """Cut every link between nodes of different groups. A node in no group keeps all its links.

        ``one_way``: only what a group sends to the groups after it is cut, what comes back is not.
        """
        ...

    async def impair(self, effect: LinkEffect, links: Links = ALL_LINKS) -> Impairment:
        """Apply an effect to every packet of the chosen links: ``impair(LinkEffect(loss=0.1), Links.of("node"))``."""
        ...

    async def lift(self, impairment: Impairment) -> None:
        """Undo one impairment. Others stay. Idempotent."""
        ...

    async def verify(self, *, timeout: float | None = None) -> LinkVerification:
        """Wait until every link delivers packets and every running node has its peers."""
        ...

    async def heal(self) -> LinkVerification:
        """Lift all impairments at once, then ``verify``.

        Idempotent. A network that is not whole is reported, not raised.
        """
        ...


class Cluster(Protocol):
    """A running network."""

    @property
    def nodes(self) -> Sequence[NodeHandle]:
        """The nodes, validators first, then executors."""
        ...

    def node_control(self) -> NodeControl | None:
        """Return the control of nodes; None if this deployer cannot stop and start them.

        Workloads call ``RunContext.node_control`` instead, which also knows whether the scenario allows it.
        """
        ...

    def network_control(self) -> NetworkControl | None:
        """Return the control of links; None if there is no relay between the nodes."""
        ...

    @property
    def metrics_url(self) -> str | None:
        """Base of a Prometheus server that has the nodes' metrics; None if there is none."""
        ...

    async def close(self) -> None:
        """End the network, and return when nothing runs any more. Idempotent."""
        ...


class ClusterError(Failure):
    """The cluster could not do what was asked."""


class NodeControlError(ClusterError):
    """A node could not be stopped, started or frozen."""


class NetworkControlError(ClusterError):
    """A link could not be cut, slowed or healed."""
