"""The relay as a container of the stack, asked through its standard input; probes go out from the nodes' containers."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from nomos_testing.cluster.links import Link
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.relay.proxy_sockets import NodeSockets

_SPARE_SECONDS: Final = 5.0
"""What a probing program may take beside the probes themselves."""


class ContainerRelay(RelayClient):
    """A relay that the compose file starts, with its first request beside it: the stack runs without us, too."""

    def __init__(
        self,
        nodes: Mapping[str, NodeSockets],
        *,
        docker: Docker,
        container: str,
        containers: Callable[[str], str],
        host: str,
        evidence: Path,
        seed: int,
    ) -> None:
        """``containers`` gives a node's container."""
        super().__init__(nodes, evidence=str(evidence), seed=seed)
        self.host = host
        self._docker = docker
        self._container = container
        self._containers = containers
        self._probers: dict[str, _Prober] = {}

    @property
    def first_request(self) -> str:
        """The line that opens it, for it to find when it starts."""
        return json.dumps({"id": 0, "do": "open", **self.opening()}) + "\n"

    async def silent_links(self, links: Iterable[Link], *, timeout: float) -> frozenset[Link]:
        by_source: defaultdict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_source[link.source].append(link)
        found = await asyncio.gather(*(self._silent(source, own, timeout) for source, own in by_source.items()))
        return frozenset(link for part in found for link in part)

    async def close(self) -> None:
        await asyncio.gather(*(prober.close() for prober in self._probers.values()))
        await super().close()

    async def _spawn(self) -> asyncio.subprocess.Process:
        # Its own words are in ``docker logs``; ours would only be mixed up with the runner's.
        return await self._docker.open("attach", "--sig-proxy=false", self._container)

    async def _begin(self) -> None:
        """It was opened when it started; that it answers shows that it was."""
        await self._ask("count")

    async def _silent(self, source: str, links: list[Link], timeout: float) -> Iterable[Link]:
        prober = self._probers.setdefault(source, _Prober(self._docker, self._containers(source)))
        proxies = self._proxies()
        silent = await prober.silent(
            {
                "links": [[link.source, link.target] for link in links],
                "proxies": {link.target: proxies[link.target] for link in links},
                "token": self.token.hex(),
                "timeout": timeout,
            },
            timeout=timeout + _SPARE_SECONDS,
        )
        return links if silent is None else [Link(*pair) for pair in silent]


class _Prober:
    """A program in a node's container that sends probes on request; a new one after the container's end."""

    def __init__(self, docker: Docker, container: str) -> None:
        self._docker = docker
        self._container = container
        self._process: asyncio.subprocess.Process | None = None

    async def silent(self, request: Mapping[str, Any], *, timeout: float) -> list[list[str]] | None:
        """The silent links of a request; None where nothing could be sent."""
        if self._process is None or self._process.returncode is not None:
            self._process = await self._docker.open(
                "exec", "-i", self._container, "python3", "-m", "nomos_testing.relay.prober"
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(timeout):
                process.stdin.write(json.dumps(request).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except (TimeoutError, ConnectionError):
            line = b""
        if not line:
            await self.close()
            return None
        answer: list[list[str]] = json.loads(line)
        return answer

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
