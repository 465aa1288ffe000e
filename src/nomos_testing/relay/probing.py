"""Probes of links: packets from a node's own address that the relay sends to and fro as if the node's peer echoed them.

A probe takes the path to the peer's socket and the path back, under every effect on them, and touches no node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from random import Random

from nomos_testing.cluster.links import Link
from nomos_testing.relay.proxy_sockets import Address
from nomos_testing.surroundings import THIS_MACHINE

_NONCE_BYTES = 8


class _Outstanding(asyncio.DatagramProtocol):
    """The probes that have not come back yet."""

    def __init__(self, links: Iterable[Link], token: bytes, chance: Random) -> None:
        self.links = {token + chance.randbytes(_NONCE_BYTES): link for link in links}
        self.none_left = asyncio.Event()
        if not self.links:
            self.none_left.set()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.links.pop(data, None)
        if not self.links:
            self.none_left.set()


async def silent_links(
    links: Iterable[Link],
    *,
    hosts: Mapping[str, str],
    proxies: Mapping[str, Address],
    token: bytes,
    timeout: float,
    resend: float = 0.1,
    chance: Random = THIS_MACHINE.chance,
) -> frozenset[Link]:
    """The links over which no probe came back within ``timeout`` seconds; empty as soon as all did.

    Args:
        hosts: each node's own address, from which its probes go out.
        proxies: where each node is reached.
        token: what the relay knows probes by.
        resend: seconds after which unanswered probes go out once more, as one may get lost.
        chance: draws what tells the probes apart.

    Raises:
        OSError: no socket can be bound to a node's address.
    """
    outstanding = _Outstanding(links, token, chance)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    with ExitStack() as sockets:
        senders: dict[str, asyncio.DatagramTransport] = {}
        for source in sorted({link.source for link in outstanding.links.values()}):
            sender, _ = await loop.create_datagram_endpoint(lambda: outstanding, local_addr=(hosts[source], 0))
            sockets.callback(sender.close)
            senders[source] = sender
        while not outstanding.none_left.is_set() and loop.time() < deadline:
            for probe, link in outstanding.links.items():
                senders[link.source].sendto(probe, proxies[link.target])
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(deadline, loop.time() + resend)):
                    await outstanding.none_left.wait()
    return frozenset(outstanding.links.values())
