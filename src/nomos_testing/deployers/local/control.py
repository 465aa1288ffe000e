"""Stops, starts and freezes local nodes. Directory, configuration and ports stay the same over all of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nomos_testing.cluster.interfaces import NodeControlError, NodeHandle, Role
from nomos_testing.deployers.errors import NodeDied
from nomos_testing.deployers.local.child_process import LaunchError
from nomos_testing.deployers.local.node import LocalNode
from nomos_testing.runtime.journal import Journal
from nomos_testing.runtime.journal_events import NodeControlled
from nomos_testing.runtime.waiting import WaitTimeout

if TYPE_CHECKING:
    from nomos_testing.deployers.local.cluster import LocalCluster


class LocalNodeControl:
    """A ``NodeControl`` by signals and fresh processes."""

    def __init__(self, cluster: LocalCluster, journal: Journal) -> None:
        self._cluster = cluster
        self._journal = journal
        self._paused: set[str] = set()
        self._down: set[str] = set()

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

    async def restart(self, node: NodeHandle) -> None:
        local = self._own(node)
        with self._journaled(local, "restart"):
            await self._end(local, grace=0)
            await self._start(local)

    async def restart_validator(self, index: int) -> None:
        await self.restart(self._find(Role.VALIDATOR, index))

    async def restart_executor(self, index: int) -> None:
        await self.restart(self._find(Role.EXECUTOR, index))

    async def heal(self) -> None:
        for node in self._cluster.nodes:
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
