"""A running network: starts nodes, waits until they answer, and notices at once when one ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, TypeVar

from nomos_testing.client.node_client import DEFAULT_TIMEOUT_SECONDS
from nomos_testing.cluster.interfaces import NetworkControl, NodeControl
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.errors import NodeDied
from nomos_testing.deployers.shared.network_control import RelayNetworkControl
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.node_control import ClusterNodeControl, NodeFactory
from nomos_testing.deployers.shared.together import together
from nomos_testing.journal.events import NodeExited, NodeReady, NodeStarted
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.background import WatchTask, log_failure
from nomos_testing.runtime.readiness import READINESS_SECONDS, HttpAnswers
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import WaitTimeout, wait_until

T = TypeVar("T")

LAST_LINES: Final = 20
END_GRACE_SECONDS: Final = 0.5
"""Time that the nodes of this machine have to end in when the network is closed."""

_log = logging.getLogger(__name__)


class DeployedCluster:
    """A ``Cluster``. Nodes: validators first, then executors."""

    def __init__(
        self,
        nodes: Sequence[DeployedNode],
        *,
        journal: Journal,
        patience: Patience,
        factory: NodeFactory | None = None,
        metrics_url: str | None = None,
        readiness_seconds: float = READINESS_SECONDS,
        watch: WatchTask = log_failure,
    ) -> None:
        """
        Args:
            factory: makes nodes that join later; None: no node can join.
            readiness_seconds: how long a node may take until it answers, on the reference machine.
            watch: notices the failure of a task of this cluster.
        """
        self.nodes: Sequence[DeployedNode] = tuple(nodes)
        self.network: RelayNetworkControl | None = None
        """The control of the relay between the nodes, where there is one."""
        self.metrics_url = metrics_url
        self.readiness_seconds = readiness_seconds
        self.control = ClusterNodeControl(self, journal, factory)
        self._journal = journal
        self._patience = patience
        self._watch_task = watch
        self._on_join: list[Callable[[DeployedNode], None]] = []
        self._watches: dict[str, asyncio.Task[None]] = {}

    def node_control(self) -> NodeControl:
        return self.control

    def network_control(self) -> NetworkControl | None:
        return self.network

    async def start_all(self) -> None:
        """Start every node, together, and wait until each answers over HTTP: see ``start``."""
        await together(self.start(node) for node in self.nodes)

    async def start(self, node: DeployedNode) -> None:
        """Start one node and wait until it answers over HTTP.

        Raises:
            LaunchError: it cannot be started.
            NodeDied: it ended instead; known at once, not after the timeout.
            WaitTimeout: it did not answer in time.
        """
        since = monotonic()
        node.end_is_expected = False
        started = await node.host.start()
        watch = self._watches[node.name] = asyncio.create_task(self._watch(node), name=f"watch {node.name}")
        self._watch_task(watch)
        if started is None:
            raise await self._death_of(node)
        node.client.url, node.client.testing_url = started.url, started.testing_url
        node.client.timeout = self._patience.seconds(DEFAULT_TIMEOUT_SECONDS)
        self._journal.write(
            NodeStarted(
                node=node.name,
                pid=started.pid,
                program=node.host.program,
                url=node.url,
                directory=str(node.directory),
            )
        )
        await self._answers(node)
        self._journal.write(NodeReady(node.name, round(monotonic() - since, 6)))

    async def end(self, node: DeployedNode, *, grace: float) -> None:
        """End a node on purpose: SIGTERM, and SIGKILL after ``grace`` seconds."""
        node.end_is_expected = True
        if node.running:
            await node.host.end(grace=grace)
        if node.name in self._watches:
            await self._watches[node.name]

    async def close(self) -> None:
        """End the nodes of this machine and copy the logs of all others, which end with their network. Idempotent."""
        async with AsyncExitStack() as closing:  # in reverse, and each whatever happens to the others
            for node in self.nodes:
                node.end_is_expected = True
                closing.push_async_callback(node.client.close)
            closing.push_async_callback(self._end_watches)
            await asyncio.gather(*(self._close(node) for node in self.nodes))

    def add_member(self, node: DeployedNode) -> None:
        """Make a node that is not started a member: it ends with the cluster."""
        position = len(self.nodes) if node.role is Role.EXECUTOR else sum(n.role is node.role for n in self.nodes)
        self.nodes = (*self.nodes[:position], node, *self.nodes[position:])

    def on_join(self, call: Callable[[DeployedNode], None]) -> None:
        """Call ``call`` with every node that joins later, once it answers."""
        self._on_join.append(call)

    def joined(self, node: DeployedNode) -> None:
        """Tell that a member that was added answers."""
        for call in self._on_join:
            call(node)

    async def while_alive(self, work: Awaitable[T], nodes: Sequence[DeployedNode]) -> T:
        """Wait for ``work``, but no longer than all of ``nodes`` run.

        Raises:
            NodeDied: one ended first.
        """
        working = asyncio.ensure_future(work)
        ends = {asyncio.create_task(node.host.ended()): node for node in nodes}
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

    async def _close(self, node: DeployedNode) -> None:
        if not node.host.remote:
            await self.end(node, grace=END_GRACE_SECONDS)
        elif node.running or node.name in self._watches:  # else it was never started and has written nothing
            await node.keep_log()

    async def _end_watches(self) -> None:
        watches, self._watches = list(self._watches.values()), {}
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    async def _answers(self, node: DeployedNode) -> None:
        check, timeout = HttpAnswers(node), self._patience.seconds(self.readiness_seconds)
        _log.debug("waiting for %s, no longer than %g s", check.waited_for, timeout)
        try:
            await self.while_alive(wait_until(check.waited_for, check.look, timeout=timeout, poll=check.poll), [node])
        except WaitTimeout as error:
            seen = f"{error.last_seen}; its program: {node.host.program}"
            raise WaitTimeout(error.waited_for, error.seconds, seen) from None

    async def _watch(self, node: DeployedNode) -> None:
        await self._note_end(node, await node.host.ended())

    async def _note_end(self, node: DeployedNode, status: str) -> None:
        expected = node.end_is_expected
        lines = () if expected else tuple(await node.logs.tail(LAST_LINES))
        self._journal.write(NodeExited(node=node.name, status=status, expected=expected, last_lines=lines))

    async def _death_of(self, node: DeployedNode) -> NodeDied:
        lines = await node.logs.tail(LAST_LINES)
        return NodeDied(node.name, await node.host.ended(), lines, node.directory, node.host.program)
