"""A cluster of containers of one stack."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.compose.compose_tool import ComposeProject
from nomos_testing.deployers.compose.container_node import ContainerNode
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.deployers.shared.base_cluster import DeployedCluster
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.journal.events import NodeStarted
from nomos_testing.journal.journal import Journal
from nomos_testing.waiting.machine import Patience

LOG_NAME: Final = "container.log"
LOG_FILES: Final = "logs"
"""Where the log files of a container go, in the node's directory."""
_END_SECONDS: Final = 20.0
"""From the end of a container to the daemon's telling us."""

_log = logging.getLogger(__name__)


class ComposeCluster(DeployedCluster[ContainerNode]):
    readiness_seconds = 180.0
    log_directory: str | None = None
    """Where nodes write log files, in their containers; None: they write none."""

    def __init__(
        self,
        nodes: Sequence[ContainerNode],
        *,
        docker: Docker,
        project: ComposeProject,
        image: str,
        journal: Journal,
        patience: Patience,
    ) -> None:
        super().__init__(nodes, journal=journal, patience=patience)
        self._docker = docker
        self._project = project
        self._image = image
        self._noting: dict[str, asyncio.Task[None]] = {}

    def hear_end(self, container: str, exit_code: int) -> None:
        """A container of the stack has ended."""
        for node in self.nodes:
            if node.container == container and node.running:
                _log.debug("the container %s ended with %d", container, exit_code)
                node.end_life(exit_code)
                self._noting[node.name] = asyncio.create_task(self._note(node), name=f"note the end of {node.name}")

    def begin_lives(self) -> None:
        """The stack is about to start every node."""
        for node in self.nodes:
            node.begin_life()

    async def start_all(self) -> None:
        """Take up every node of a stack that has been started, and wait until each answers."""
        started = time.monotonic()
        await self._take_up(self.nodes)

        async def answers(node: ContainerNode) -> None:
            await self._answers(node, since=started)

        await self._for_all(answers)

    async def start(self, node: ContainerNode) -> None:
        started = time.monotonic()
        try:
            await self._make(node)
            node.begin_life()
            await self._docker.ask("start", node.container)
        except CommandFailed as error:
            node.end_life(1)
            raise LaunchError(str(error)) from error
        await self._take_up([node])
        await self._answers(node, since=started)

    def program_of(self, node: ContainerNode) -> str:
        return f"{self._image} ({node.container})"

    async def end(self, node: ContainerNode, *, grace: float) -> None:
        node.end_is_expected = True
        if node.running:
            try:
                await self._end(node, grace)
            except CommandFailed as error:
                if node.running:
                    raise NodeControlError(str(error)) from error
            except TimeoutError:
                raise NodeControlError(f"the daemon did not tell of the end of {node.container}") from None
        if node.name in self._noting:
            await self._noting[node.name]

    async def close(self) -> None:
        """Keep the nodes' logs. The containers end with their stack. Idempotent."""
        async with AsyncExitStack() as closing:
            for node in self.nodes:
                node.end_is_expected = True
                closing.push_async_callback(node.client.close)
            await asyncio.gather(*(self._keep_logs(node) for node in self.nodes))

    async def _keep_logs(self, node: ContainerNode) -> None:
        if node.life is None:
            return
        await node.logs.save(node.directory / LOG_NAME)
        if self.log_directory is not None:
            source, target = f"{node.container}:{self.log_directory}/.", node.directory / LOG_FILES
            target.mkdir(exist_ok=True)
            with suppress(CommandFailed):  # it may have ended before it made the directory
                await self._docker.ask("cp", source, str(target))

    async def _make(self, node: ContainerNode) -> None:
        """A container that has not been there, or is to have nothing of what the node has stored."""
        if node.to_be_made_anew:
            if node.life is not None:
                await node.logs.save(node.directory / LOG_NAME)
            await self._project.up(node.name, start=False, recreate=True)
            await node.put_config()
            node.to_be_made_anew = False

    async def _take_up(self, nodes: Iterable[ContainerNode]) -> None:
        """Find the ports of nodes that were started.

        Raises:
            NodeDied: one has ended already.
        """
        chosen = list(nodes)
        inspected = await self._docker.inspect(*(node.container for node in chosen))
        for node, container in zip(chosen, inspected, strict=True):
            if not container["State"]["Running"]:
                node.end_life(int(container["State"]["ExitCode"]))
                raise await self._death_of(node)
            node.find_ports(container)
            self._journal.write(
                NodeStarted(
                    node=node.name,
                    pid=container["State"]["Pid"] or None,
                    program=self.program_of(node),
                    url=node.url,
                    directory=str(node.directory),
                )
            )

    async def _end(self, node: ContainerNode, grace: float) -> None:
        """A paused container is continued first: it can't be told anything."""
        (inspected,) = await self._docker.inspect(node.container)
        if inspected["State"]["Paused"]:
            await self._docker.ask("unpause", node.container)
        if grace > 0:
            await self._docker.ask("stop", "--time", str(max(1, round(grace))), node.container)
        else:
            await self._docker.ask("kill", node.container)
        async with asyncio.timeout(self._patience.seconds(_END_SECONDS)):
            await node.ended()

    async def _note(self, node: ContainerNode) -> None:
        await self._note_end(node, await node.ended())
