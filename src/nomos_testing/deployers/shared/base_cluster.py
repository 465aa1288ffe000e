"""What the clusters of all deployers do alike: members, waiting until they answer, noticing at once when one ends."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from nomos_testing.cluster.interfaces import NetworkControl, NodeControl, Role
from nomos_testing.deployers.shared.base_node import DeployedNode
from nomos_testing.deployers.shared.errors import NodeDied
from nomos_testing.deployers.shared.node_control import ClusterNodeControl, Newcomer
from nomos_testing.journal.events import NodeExited, NodeReady
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.readiness import READINESS_SECONDS, HttpAnswers
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import WaitTimeout, wait_until

N = TypeVar("N", bound=DeployedNode)
T = TypeVar("T")

LAST_LINES: Final = 20

_log = logging.getLogger(__name__)


class DeployedCluster(ABC, Generic[N]):
    """A ``Cluster``. Nodes: validators first, then executors."""

    network: NetworkControl | None = None
    metrics_url: str | None = None
    readiness_seconds: float = READINESS_SECONDS
    """Nominal: how long a node may take until it answers."""

    def __init__(
        self, nodes: Sequence[N], *, journal: Journal, patience: Patience, newcomer: Newcomer[N] | None = None
    ) -> None:
        self.nodes: Sequence[N] = tuple(nodes)
        self.control = ClusterNodeControl(self, journal, newcomer)
        self._journal = journal
        self._patience = patience
        self._welcomes: list[Callable[[N], None]] = []

    def node_control(self) -> NodeControl:
        return self.control

    def network_control(self) -> NetworkControl | None:
        return self.network

    @abstractmethod
    async def start(self, node: N) -> None:
        """Start one node and wait until it answers over HTTP.

        Raises:
            LaunchError: it cannot be started.
            NodeDied: it ended instead; known at once, not after the timeout.
            WaitTimeout: it did not answer in time.
        """

    @abstractmethod
    def program_of(self, node: N) -> str:
        """What a node runs, for people: the program's path, or the image and the container."""

    @abstractmethod
    async def end(self, node: N, *, grace: float) -> None:
        """End a node on purpose: SIGTERM, and SIGKILL after ``grace`` seconds."""

    @abstractmethod
    async def close(self) -> None:
        """End every node. Idempotent."""

    def adopt(self, node: N) -> None:
        """Make a node that is not started one of the cluster's: it ends with the cluster."""
        position = len(self.nodes) if node.role is Role.EXECUTOR else sum(n.role is node.role for n in self.nodes)
        self.nodes = (*self.nodes[:position], node, *self.nodes[position:])

    def on_welcome(self, welcome: Callable[[N], None]) -> None:
        """Call ``welcome`` with every node that joins later, once it answers."""
        self._welcomes.append(welcome)

    def welcome(self, node: N) -> None:
        for welcome in self._welcomes:
            welcome(node)

    async def start_all(self) -> None:
        """Start every node, together, and wait until each answers over HTTP: see ``start``."""
        await self._for_all(self.start)

    async def while_alive(self, work: Awaitable[T], nodes: Sequence[N]) -> T:
        """Wait for ``work``, but no longer than all of ``nodes`` run.

        Raises:
            NodeDied: one ended first.
        """
        working = asyncio.ensure_future(work)
        ends = {asyncio.create_task(node.ended()): node for node in nodes}
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

    async def _for_all(self, do: Callable[[N], Awaitable[None]]) -> None:
        try:
            async with asyncio.TaskGroup() as doing:
                for node in self.nodes:
                    doing.create_task(_awaited(do(node)), name=f"start {node.name}")
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the first one; the others were cancelled because of it

    async def _answers(self, node: N, *, since: float) -> None:
        """Wait until a node that was started at ``since`` (monotonic) answers."""
        check, timeout = HttpAnswers(node), self._patience.seconds(self.readiness_seconds)
        _log.debug("waiting for %s, no longer than %g s", check.waited_for, timeout)
        try:
            await self.while_alive(wait_until(check.waited_for, check.look, timeout=timeout, poll=check.poll), [node])
        except WaitTimeout as error:
            seen = f"{error.last_seen}; its program: {self.program_of(node)}"
            raise WaitTimeout(error.waited_for, error.seconds, seen) from None
        self._journal.write(NodeReady(node.name, round(time.monotonic() - since, 6)))

    async def _note_end(self, node: N, status: str) -> None:
        expected = node.end_is_expected
        lines = () if expected else tuple(await node.logs.tail(LAST_LINES))
        self._journal.write(NodeExited(node=node.name, status=status, expected=expected, last_lines=lines))

    async def _death_of(self, node: N) -> NodeDied:
        lines = await node.logs.tail(LAST_LINES)
        return NodeDied(node.name, await node.ended(), lines, node.directory, self.program_of(node))


async def _awaited(work: Awaitable[None]) -> None:
    await work
