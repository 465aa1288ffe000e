"""Asks the cfgsync server of a run for the network that it has configured."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from nomos_core.proofs.prover import Prover
from nomos_testing.cfgsync.network_query import CfgsyncUnanswered, registered_network
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.surroundings import monotonic
from nomos_testing.topology import GeneratedTopology
from nomos_testing.waiting.waiting import narrated

_POLL_SECONDS: Final = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CfgsyncQuestion:
    config: CfgsyncConfig
    prover: Prover
    check_running: Callable[[], Awaitable[None]]
    """Raises ``DeployError`` if the server has ended."""

    async def network(self, url: str, *, timeout: float) -> GeneratedTopology:
        """Wait until every node has announced itself, and make the network that cfgsync has made of them.

        Raises:
            DeployError: the server has ended, or nodes were missing when its time was over.
        """
        async with narrated(f"the nodes to announce themselves to cfgsync at {url}", limit=timeout):
            return await self._network(url, timeout)

    async def _network(self, url: str, timeout: float) -> GeneratedTopology:
        deadline = monotonic() + timeout
        while True:
            left = max(1.0, deadline - monotonic())
            try:
                return await registered_network(self.config, url, prover=self.prover, timeout=left)
            except CfgsyncUnanswered as unanswered:
                _log.debug("cfgsync at %s has no network yet: %s", url, unanswered)
                await self.check_running()
                if monotonic() >= deadline:
                    raise DeployError(f"the nodes got no configuration: {unanswered}") from None
            await asyncio.sleep(_POLL_SECONDS)
