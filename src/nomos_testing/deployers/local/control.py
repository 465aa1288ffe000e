"""Stops, starts and freezes local nodes, fills their disks, puts their clocks off. Directory and ports stay the same.

A full disk is the kernel's limit on the size of a process's files, set to nothing: what the node writes then fails with
"File too large". A clock is the file that libfaketime reads its offset from.
"""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nomos_testing.cluster.interfaces import NetworkControl, NodeControlError, NodeHandle, Role
from nomos_testing.deployers.errors import NodeDied
from nomos_testing.deployers.local.child_process import LaunchError
from nomos_testing.deployers.local.node import LocalNode
from nomos_testing.runtime.journal import Journal
from nomos_testing.runtime.journal_events import NodeControlled
from nomos_testing.runtime.waiting import WaitTimeout

if TYPE_CHECKING:
    from nomos_testing.deployers.local.cluster import LocalCluster


Newcomer = Callable[[Role, int, NetworkControl | None], Awaitable[LocalNode]]
"""Makes a node that the network did not have, of a role and with an index; it is not started."""


class LocalNodeControl:
    """A ``NodeControl`` by signals, limits and fresh processes."""

    def __init__(self, cluster: LocalCluster, journal: Journal, newcomer: Newcomer | None = None) -> None:
        self._cluster = cluster
        self._journal = journal
        self._newcomer = newcomer
        self._paused: set[str] = set()
        self._down: set[str] = set()
        self._full: set[str] = set()
        self._skewed: set[str] = set()

    @property
    def answering(self) -> frozenset[str]:
        """The names of the nodes that run and are not paused."""
        return frozenset(node.name for node in self._cluster.nodes if node.running and node.name not in self._paused)

    def running(self, node: NodeHandle) -> bool:
        return self._own(node).running

    async def start(self, node: NodeHandle) -> None:
        local = self._own(node)
        if local.running:
            raise NodeControlError(f"{node.name} is running already")
        with self._journaled(local, "start"):
            await self._start(local)

    async def stop(self, node: NodeHandle, *, grace: float = 5.0) -> None:
        local = self._running(node)
        with self._journaled(local, "stop"):
            await self._end(local, grace=grace)

    async def kill(self, node: NodeHandle) -> None:
        local = self._running(node)
        with self._journaled(local, "kill"):
            await self._end(local, grace=0)

    async def pause(self, node: NodeHandle) -> None:
        local = self._running(node)
        assert local.process is not None
        with self._journaled(local, "pause"):
            local.process.send(signal.SIGSTOP)
            self._paused.add(local.name)

    async def resume(self, node: NodeHandle) -> None:
        local = self._running(node)
        assert local.process is not None
        with self._journaled(local, "resume"):
            local.process.send(signal.SIGCONT)
            self._paused.discard(local.name)

    async def restart(self, node: NodeHandle, *, config: str | None = None, wipe_data: bool = False) -> None:
        local = self._own(node)
        with self._journaled(local, "restart"):
            await self._end(local, grace=0)
            if wipe_data:
                local.wipe_data()
            if config is not None:
                local.reconfigure(config)
            await self._start(local)

    async def restart_validator(self, index: int) -> None:
        await self.restart(self._find(Role.VALIDATOR, index))

    async def restart_executor(self, index: int) -> None:
        await self.restart(self._find(Role.EXECUTOR, index))

    async def add_node(self, role: Role) -> LocalNode:
        if self._newcomer is None:
            raise NodeControlError("this network was not made to be added to")
        index = sum(other.role is role for other in self._cluster.nodes)
        node = await self._newcomer(role, index, self._cluster.network)
        with self._journaled(node, "add"):
            self._cluster.adopt(node)
            await self._start(node)
            self._cluster.welcome(node)
        return node

    async def fill_disk(self, node: NodeHandle) -> None:
        local = self._running(node)
        with self._journaled(local, "fill disk"):
            self._full.add(local.name)
            _limit_files(local, 0)

    async def free_disk(self, node: NodeHandle) -> None:
        local = self._own(node)
        if local.name in self._full:
            with self._journaled(local, "free disk"):
                _limit_files(local, None)
                self._full.discard(local.name)
                self._down.add(local.name)  # it may have died of it

    async def skew_clock(self, node: NodeHandle, seconds: float) -> None:
        local = self._own(node)
        if local.clock is None:
            raise NodeControlError(f"{node.name} was not started with a clock that can be put off")
        with self._journaled(local, f"put the clock {seconds:+g} s off" if seconds else "put the clock right"):
            local.clock.set(seconds)
            (self._skewed.add if seconds else self._skewed.discard)(local.name)

    async def heal(self) -> None:
        for node in self._cluster.nodes:
            await self._heal(node)

    async def _heal(self, node: LocalNode) -> None:
        await self.free_disk(node)
        if node.name in self._skewed:
            await self.skew_clock(node, 0.0)
        if node.name in self._paused and node.running:
            await self.resume(node)
        if node.name in self._down and not node.running:
            await self.start(node)

    async def _start(self, node: LocalNode) -> None:
        try:
            await self._cluster.start(node)
        except (LaunchError, NodeDied, WaitTimeout) as error:
            raise NodeControlError(f"{node.role} restart failed: {error}") from error
        self._down.discard(node.name)

    async def _end(self, node: LocalNode, *, grace: float) -> None:
        self._down.add(node.name)
        self._paused.discard(node.name)
        await self._cluster.end(node, grace=grace)

    def _find(self, role: Role, index: int) -> LocalNode:
        for node in self._cluster.nodes:
            if (node.role, node.index) == (role, index):
                return node
        raise NodeControlError(f"there is no {role} {index}")

    def _own(self, node: NodeHandle) -> LocalNode:
        return self._find(node.role, node.index)

    def _running(self, node: NodeHandle) -> LocalNode:
        local = self._own(node)
        if not local.running:
            raise NodeControlError(f"{node.name} is not running")
        return local

    @contextmanager
    def _journaled(self, node: LocalNode, action: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._journal.write(NodeControlled(node.name, action, round(time.monotonic() - started, 6)))


def _limit_files(node: LocalNode, size: int | None) -> None:
    """Let none of the node's files grow beyond ``size`` bytes; None for as far as they may."""
    if node.pid is None:
        return
    try:
        _, hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
    except ProcessLookupError:
        return  # it ended in this moment
    except OSError as error:
        raise NodeControlError(f"the size of {node.name}'s files cannot be limited: {error.strerror}") from error
