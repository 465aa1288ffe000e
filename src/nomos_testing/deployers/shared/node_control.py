"""The node control: it stops, starts and freezes nodes, fills their disks, sets their clocks, and heals all of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nomos_testing.cluster.interfaces import NodeControlError, NodeHandle
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.errors import LaunchError, NodeDied
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.journal.events import NodeControlled
from nomos_testing.journal.journal import Journal
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import WaitTimeout

if TYPE_CHECKING:
    from nomos_testing.deployers.shared.cluster import DeployedCluster


@dataclass(frozen=True, slots=True)
class JoiningNode:
    """A node that the network did not have. It is not started, and its place is not made yet."""

    node: DeployedNode
    sockets: NodeSockets | None = None
    """The sockets that a relay stands before; None where there is no relay."""
    dialled: tuple[str, ...] = ()
    """The names of the nodes that it connects to."""


NodeFactory = Callable[[Role], Awaitable[JoiningNode]]
"""Makes a node of a role, with the next index of that role."""

_log = logging.getLogger(__name__)


class ClusterNodeControl:
    """A ``NodeControl``."""

    def __init__(self, cluster: DeployedCluster, journal: Journal, factory: NodeFactory | None = None) -> None:
        self._cluster = cluster
        self._journal = journal
        self.factory = factory
        self._paused: set[str] = set()
        self._down: set[str] = set()
        self._full: set[str] = set()
        self._skewed: set[str] = set()

    @property
    def answering(self) -> frozenset[str]:
        """Names of the nodes that run and are not paused."""
        return frozenset(node.name for node in self._cluster.nodes if node.running and node.name not in self._paused)

    def running(self, node: NodeHandle) -> bool:
        return self._member(node).running

    async def start(self, node: NodeHandle) -> None:
        own = self._member(node)
        if own.running:
            raise NodeControlError(f"{node.name} is running already")
        with self._journaled(own, "start"):
            await self._start(own)

    async def stop(self, node: NodeHandle, *, grace: float = 5.0) -> None:
        own = self._running(node)
        with self._journaled(own, "stop"):
            await self._end(own, grace=grace)

    async def kill(self, node: NodeHandle) -> None:
        own = self._running(node)
        with self._journaled(own, "kill"):
            await self._end(own, grace=0)

    async def pause(self, node: NodeHandle) -> None:
        own = self._running(node)
        with self._journaled(own, "pause"):
            await own.host.freeze()
            self._paused.add(own.name)

    async def resume(self, node: NodeHandle) -> None:
        own = self._running(node)
        with self._journaled(own, "resume"):
            await own.host.thaw()
            self._paused.discard(own.name)

    async def restart(self, node: NodeHandle, *, config: str | None = None, wipe_data: bool = False) -> None:
        own = self._member(node)
        with self._journaled(own, "restart"):
            await self._end(own, grace=0)
            if wipe_data:
                await own.wipe_data()
            if config is not None:
                await own.reconfigure(config)
            await self._start(own)

    async def restart_validator(self, index: int) -> None:
        await self.restart(self._find(Role.VALIDATOR, index))

    async def restart_executor(self, index: int) -> None:
        await self.restart(self._find(Role.EXECUTOR, index))

    async def add_node(self, role: Role) -> DeployedNode:
        if self.factory is None:
            raise NodeControlError("no node can join this network")
        joining = await self.factory(role)
        node = joining.node
        with self._journaled(node, "add"):
            if self._cluster.network is not None and joining.sockets is not None:
                await self._cluster.network.add(node.name, joining.sockets, dialled=joining.dialled)
            await node.create()
            self._cluster.add_member(node)
            await self._start(node)
            self._cluster.joined(node)
        return node

    async def fill_disk(self, node: NodeHandle) -> None:
        own = self._running(node)
        with self._journaled(own, "fill disk"):
            self._full.add(own.name)
            await own.limit_files(0)

    async def free_disk(self, node: NodeHandle) -> None:
        own = self._member(node)
        if own.name in self._full:
            with self._journaled(own, "free disk"):
                await own.limit_files(None)
                self._full.discard(own.name)
                self._down.add(own.name)  # it may have died of it

    async def skew_clock(self, node: NodeHandle, seconds: float) -> None:
        own = self._member(node)
        with self._journaled(own, f"put the clock {seconds:+g} s off" if seconds else "put the clock right"):
            await own.set_clock(seconds, frozen=own.name in self._paused)
            (self._skewed.add if seconds else self._skewed.discard)(own.name)

    async def heal(self) -> None:
        for node in self._cluster.nodes:
            await self._heal(node)

    async def _heal(self, node: DeployedNode) -> None:
        # First of all: no command can be run in a frozen container, and disk and clock are healed by commands.
        if node.name in self._paused and node.running:
            await self.resume(node)
        await self.free_disk(node)
        if node.name in self._skewed:
            await self.skew_clock(node, 0.0)
        if node.name in self._down and not node.running:
            await self.start(node)

    async def _start(self, node: DeployedNode) -> None:
        try:
            await self._cluster.start(node)
        except (LaunchError, NodeDied, WaitTimeout) as error:
            raise NodeControlError(f"{node.role} restart failed: {error}") from error
        self._down.discard(node.name)

    async def _end(self, node: DeployedNode, *, grace: float) -> None:
        self._down.add(node.name)
        self._paused.discard(node.name)
        await self._cluster.end(node, grace=grace)

    def _find(self, role: Role, index: int) -> DeployedNode:
        for node in self._cluster.nodes:
            if (node.role, node.index) == (role, index):
                return node
        raise NodeControlError(f"there is no {role} {index}")

    def _member(self, node: NodeHandle) -> DeployedNode:
        return self._find(node.role, node.index)

    def _running(self, node: NodeHandle) -> DeployedNode:
        own = self._member(node)
        if not own.running:
            raise NodeControlError(f"{node.name} is not running")
        return own

    @contextmanager
    def _journaled(self, node: DeployedNode, action: str) -> Iterator[None]:
        started = monotonic()
        _log.debug("%s: %s begins", node.name, action)
        try:
            yield
        except NodeControlError as error:
            _log.debug("%s: %s failed after %.3f s: %s", node.name, action, monotonic() - started, error)
            raise
        self._journal.write(NodeControlled(node.name, action, round(monotonic() - started, 6)))
