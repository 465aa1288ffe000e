"""Asks the cfgsync server of a stack for the network that it has configured."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from nomos_core.proofs.prover import Prover
from nomos_testing.cfgsync.network_query import CfgsyncUnanswered, registered_network
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.deployers.compose.container_logs import ContainerLogs
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import ComposeError
from nomos_testing.surroundings import monotonic
from nomos_testing.topology import GeneratedTopology
from nomos_testing.waiting.waiting import narrated

_POLL_SECONDS: Final = 0.2
_LAST_LINES: Final = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Distribution:
    docker: Docker
    container: str
    host: str
    config: CfgsyncConfig
    prover: Prover

    async def network(self, *, timeout: float) -> GeneratedTopology:
        """Wait until every node has announced itself, and make the network that cfgsync has made of them.

        Raises:
            ComposeError: the server has ended, or nodes were missing when its time was over.
        """
        url = await self._url()
        async with narrated(f"the nodes' containers to announce themselves to cfgsync at {url}", limit=timeout):
            return await self._network(url, timeout)

    async def _network(self, url: str, timeout: float) -> GeneratedTopology:
        deadline = monotonic() + timeout
        while True:
            left = max(1.0, deadline - monotonic())
            try:
                return await registered_network(self.config, url, prover=self.prover, timeout=left)
            except CfgsyncUnanswered as unanswered:
                _log.debug("cfgsync at %s has no network yet: %s", url, unanswered)
                await self._check_running()
                if monotonic() >= deadline:
                    raise ComposeError(f"the nodes got no configuration: {unanswered}") from None
            await asyncio.sleep(_POLL_SECONDS)

    async def _url(self) -> str:
        (inspected,) = await self.docker.inspect(self.container)
        bindings = inspected["NetworkSettings"]["Ports"].get(f"{self.config.port}/tcp")
        if not bindings:
            raise await self._ended(inspected["State"]["ExitCode"])
        return f"http://{self.host}:{bindings[0]['HostPort']}"

    async def _check_running(self) -> None:
        (inspected,) = await self.docker.inspect(self.container)
        if not inspected["State"]["Running"]:
            raise await self._ended(inspected["State"]["ExitCode"])

    async def _ended(self, exit_code: int) -> ComposeError:
        lines = await ContainerLogs(self.docker, self.container).tail(_LAST_LINES)
        shown = "".join(f"\n  | {line}" for line in lines) or "\n  (it wrote nothing)"
        return ComposeError(
            f"failed to start cfgsync server on port {self.config.port}: "
            f"{self.container} ended with exit code {exit_code}; its last lines:{shown}"
        )
