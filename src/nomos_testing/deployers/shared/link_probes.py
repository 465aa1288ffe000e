"""Probes of links. This process sends them if it has the nodes' addresses, else a program beside each node does."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from nomos_testing.cluster.links import Link
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.node_host import NodeHost
from nomos_testing.relay.probing import silent_links
from nomos_testing.relay.proxy_sockets import Address, NodeSockets

PROBER: Final = ("-m", "nomos_testing.relay.prober")
"""Arguments of a Python interpreter that runs the prober."""
_SPARE_SECONDS: Final = 5.0
"""Time that a prober may take beside the probes themselves, such as for its start."""


class LinkProbes:
    """Sends probes and tells which links do not echo them."""

    def __init__(self, open_prober: Callable[[str], Awaitable[LineChannel]] | None = None) -> None:
        """
        Args:
            open_prober: starts a prober beside a node, given by name. None: the nodes' own addresses are addresses of
                this machine, so that this process sends their probes.
        """
        self._open_prober = open_prober
        self._probers: dict[str, _Prober] = {}

    async def silent(
        self,
        links: Iterable[Link],
        *,
        nodes: Mapping[str, NodeSockets],
        proxies: Mapping[str, Address],
        token: bytes,
        timeout: float,
    ) -> frozenset[Link]:
        """Return the links over which no probe came back within ``timeout`` seconds.

        Raises:
            OSError: no socket can be bound to a node's address.
            LaunchError: a prober cannot be started.
        """
        if self._open_prober is None:
            hosts = {name: node.host for name, node in nodes.items()}
            return await silent_links(links, hosts=hosts, proxies=proxies, token=token, timeout=timeout)
        by_source: defaultdict[str, list[Link]] = defaultdict(list)
        for link in links:
            by_source[link.source].append(link)
        found = await asyncio.gather(
            *(
                self._prober(source).silent(own, proxies=proxies, token=token, timeout=timeout)
                for source, own in by_source.items()
            )
        )
        return frozenset(link for part in found for link in part)

    async def close(self) -> None:
        """End the probers. Idempotent."""
        await asyncio.gather(*(prober.close() for prober in self._probers.values()))

    def _prober(self, source: str) -> _Prober:
        assert self._open_prober is not None
        return self._probers.setdefault(source, _Prober(source, self._open_prober))


def probes_beside(hosts: Mapping[str, NodeHost]) -> LinkProbes:
    """Make probes that programs beside the nodes send. ``hosts`` has the nodes' places, by name."""

    async def open_prober(node: str) -> LineChannel:
        host = hosts[node]
        return await host.open(host.python, *PROBER)

    return LinkProbes(open_prober)


class _Prober:
    """A prober beside one node. A new one is started after the node's place has gone."""

    def __init__(self, node: str, opened: Callable[[str], Awaitable[LineChannel]]) -> None:
        self._node = node
        self._opened = opened
        self._channel: LineChannel | None = None

    async def silent(
        self, links: Sequence[Link], *, proxies: Mapping[str, Address], token: bytes, timeout: float
    ) -> Iterable[Link]:
        request = {
            "links": [[link.source, link.target] for link in links],
            "proxies": {link.target: proxies[link.target] for link in links},
            "token": token.hex(),
            "timeout": timeout,
        }
        answer = await self._answer(request, timeout + _SPARE_SECONDS)
        return links if answer is None else [Link(source, target) for source, target in answer]

    async def _answer(self, request: Mapping[str, Any], timeout: float) -> list[list[str]] | None:
        """Return a prober's answer; None where the prober has ended or does not answer."""
        if self._channel is None:
            self._channel = await self._opened(self._node)
        line = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._channel.write(json.dumps(request).encode())
                line = await self._channel.read()
        if not line:
            await self.close()
            return None
        answer: list[list[str]] = json.loads(line)
        return answer

    async def close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
