"""The relay as a process of the runner's: started before the nodes, gone when the runner is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from nomos_testing.cluster.links import Link
from nomos_testing.deployers.shared.death_signal import die_with_parent
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.relay_client import LONGEST_ANSWER, RelayClient
from nomos_testing.relay.probing import silent_links
from nomos_testing.relay.proxy_sockets import NodeSockets

RELAY_HOST = "127.0.0.1"


class RelayProcess(RelayClient):
    """A relay on this machine, whose nodes have loopback addresses of their own."""

    host = RELAY_HOST

    def __init__(self, nodes: Mapping[str, NodeSockets], *, evidence: Path, seed: int) -> None:
        super().__init__(nodes, evidence=str(evidence), seed=seed)
        self._log = evidence

    async def silent_links(self, links: Iterable[Link], *, timeout: float) -> frozenset[Link]:
        hosts = {name: node.host for name, node in self.nodes.items()}
        return await silent_links(links, hosts=hosts, proxies=self._proxies(), token=self.token, timeout=timeout)

    async def _spawn(self) -> asyncio.subprocess.Process:
        try:
            with self._log.open("ab") as stderr:
                return await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "nomos_testing.relay", self.evidence),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                    limit=LONGEST_ANSWER,
                    start_new_session=True,
                    preexec_fn=die_with_parent(),
                )
        except OSError as error:
            raise LaunchError(f"failed to start the network relay: {error}") from error
