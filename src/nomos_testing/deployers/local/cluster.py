"""A cluster of local processes: starts them together, leaves none behind."""

from __future__ import annotations

import asyncio
import logging
import shlex
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from nomos_testing.deployers.local.child_process import Launcher, described_status
from nomos_testing.deployers.local.node import LocalNode
from nomos_testing.deployers.shared.base_cluster import DeployedCluster
from nomos_testing.deployers.shared.node_control import Newcomer
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.events import NodeStarted
from nomos_testing.journal.journal import Journal
from nomos_testing.waiting.machine import Patience

END_GRACE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class LocalCluster(DeployedCluster[LocalNode]):
    def __init__(
        self,
        nodes: Sequence[LocalNode],
        *,
        launcher: Launcher,
        reaper: Reaper,
        journal: Journal,
        patience: Patience,
        newcomer: Newcomer[LocalNode] | None = None,
    ) -> None:
        super().__init__(nodes, journal=journal, patience=patience, newcomer=newcomer)
        self._launcher = launcher
        self._reaper = reaper
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def start(self, node: LocalNode) -> None:
        started = time.monotonic()
        node.end_is_expected = False
        command = node.command()
        _log.debug("starting %s in %s: %s", node.name, command.cwd, shlex.join(command.argv))
        node.process = await self._launcher.launch(command)
        _log.debug("%s has the pid %d", node.name, node.process.pid)
        self._reaper.watch_group(node.process.pid)
        self._watches[node.name] = asyncio.create_task(self._watch(node), name=f"watch {node.name}")
        self._journal.write(
            NodeStarted(
                node=node.name,
                pid=node.process.pid,
                program=self.program_of(node),
                url=node.url,
                directory=str(node.directory),
            )
        )
        await self._answers(node, since=started)

    def program_of(self, node: LocalNode) -> str:
        return str(node.program)

    async def end(self, node: LocalNode, *, grace: float) -> None:
        node.end_is_expected = True
        if node.process is not None and node.process.running:
            _log.debug("ending %s (pid %d), with SIGKILL after %g s", node.name, node.process.pid, grace)
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
        await self._note_end(node, described_status(status))
