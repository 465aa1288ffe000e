"""A cluster of local processes: starts them together, notices at once when one ends, leaves none behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

from nomos_testing.cluster.interfaces import NetworkControl, Role
from nomos_testing.deployers.errors import NodeDied
from nomos_testing.deployers.local.child_process import Launcher, described_status
from nomos_testing.deployers.local.control import LocalNodeControl, Newcomer
from nomos_testing.deployers.local.node import LocalNode
from nomos_testing.deployers.local.reaping import Reaper
from nomos_testing.runtime.journal import Journal
from nomos_testing.runtime.journal_events import NodeExited, NodeReady, NodeStarted
from nomos_testing.runtime.machine import Patience
from nomos_testing.runtime.readiness import READINESS_SECONDS, HttpAnswers
from nomos_testing.runtime.waiting import wait_until

T = TypeVar("T")

END_GRACE_SECONDS = 0.5
LAST_LINES = 20


class LocalCluster:
    """A ``Cluster``. Nodes: validators first, then executors."""

    network: NetworkControl | None = None
    metrics_url: str | None = None

    def __init__(
        self,
        nodes: Sequence[LocalNode],
        *,
        launcher: Launcher,
        reaper: Reaper,
        journal: Journal,
        patience: Patience,
        newcomer: Newcomer | None = None,
    ) -> None:
        self.nodes: Sequence[LocalNode] = tuple(nodes)
        self.control = LocalNodeControl(self, journal, newcomer)
        self._launcher = launcher
        self._reaper = reaper
        self._journal = journal
        self._patience = patience
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._welcomes: list[Callable[[LocalNode], None]] = []

    def adopt(self, node: LocalNode) -> None:
        """Make a node that is not started one of the cluster's: it ends with the cluster."""
        position = len(self.nodes) if node.role is Role.EXECUTOR else sum(n.role is node.role for n in self.nodes)
        self.nodes = (*self.nodes[:position], node, *self.nodes[position:])

    def on_welcome(self, welcome: Callable[[LocalNode], None]) -> None:
        """Call ``welcome`` with every node that joins later, once it answers."""
        self._welcomes.append(welcome)

    def welcome(self, node: LocalNode) -> None:
        for welcome in self._welcomes:
            welcome(node)

    async def start_all(self) -> None:
        """Start every node and wait until each answers over HTTP.

        Raises:
            LaunchError: a program cannot be started.
            NodeDied: a node ended instead; known at once, not after the timeout.
            WaitTimeout: a node did not answer in time.
        """
        try:
            async with asyncio.TaskGroup() as starting:
                for node in self.nodes:
                    starting.create_task(self.start(node), name=f"start {node.name}")
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the first one; the others were cancelled because of it

    async def start(self, node: LocalNode) -> None:
        """Start one node and wait until it answers over HTTP."""
        started = time.monotonic()
        node.end_is_expected = False
        node.process = await self._launcher.launch(node.command())
        self._reaper.watch_group(node.process.pid)
        self._watches[node.name] = asyncio.create_task(self._watch(node), name=f"watch {node.name}")
        self._journal.write(
            NodeStarted(
                node=node.name,
                pid=node.process.pid,
                program=str(node.program),
                url=node.url,
                directory=str(node.directory),
            )
        )
        check, timeout = HttpAnswers(node), self._patience.seconds(READINESS_SECONDS)
        await self.while_alive(wait_until(check.waited_for, check.look, timeout=timeout, poll=check.poll), [node])
        self._journal.write(NodeReady(node.name, round(time.monotonic() - started, 6)))

    async def while_alive(self, work: Awaitable[T], nodes: Sequence[LocalNode]) -> T:
        """Wait for ``work``, but no longer than all of ``nodes`` run.

        Raises:
            NodeDied: one ended first.
        """
        working = asyncio.ensure_future(work)
        ends = {asyncio.create_task(_end_of(node)): node for node in nodes}
        try:
            await asyncio.wait({working, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            dead = next(node for end, node in ends.items() if end.done())
            raise await self._death_of(dead)
        finally:
            for task in (working, *ends):
                task.cancel()
            await asyncio.gather(working, *ends, return_exceptions=True)

    async def end(self, node: LocalNode, *, grace: float) -> None:
        """End a node on purpose: SIGTERM, and SIGKILL after ``grace`` seconds."""
        node.end_is_expected = True
        if node.process is not None and node.process.running:
            await node.process.end(grace=grace)
        if node.name in self._watches:
            await self._watches[node.name]

    async def close(self) -> None:
        """End every node, within a second. Idempotent."""
        async with AsyncExitStack() as closing:  # in reverse, and each whatever happens to the others
            for node in self.nodes:
                closing.push_async_callback(node.client.close)
            closing.push_async_callback(self._launcher.close)
            await asyncio.gather(*(self.end(node, grace=END_GRACE_SECONDS) for node in self.nodes))

    async def _watch(self, node: LocalNode) -> None:
        process = node.process
        assert process is not None
        status = await process.wait()
        self._reaper.forget_group(process.pid)
        lines = () if node.end_is_expected else tuple(await node.logs.tail(LAST_LINES))
        self._journal.write(
            NodeExited(node=node.name, status=described_status(status), expected=node.end_is_expected, last_lines=lines)
        )

    async def _death_of(self, node: LocalNode) -> NodeDied:
        assert node.process is not None
        status = described_status(await node.process.wait())
        return NodeDied(node.name, status, await node.logs.tail(LAST_LINES), node.directory)


async def _end_of(node: LocalNode) -> None:
    if node.process is not None:
        await node.process.wait()
