"""Probes of links. A probe is a packet from a node's own address that the relay returns as if the peer echoed it.

It passes the path to the peer's socket and the path back, with all effects on them. It does not reach a node.
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
    """Probes that have not come back yet."""

    def __init__(self, links: Iterable[Link], token: bytes, rng: Random) -> None:
        self.links = {token + rng.randbytes(_NONCE_BYTES): link for link in links}
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
    rng: Random = THIS_MACHINE.rng,
) -> frozenset[Link]:
    """Return the links whose probe did not come back within ``timeout`` seconds. Returns early when all came back.

    Args:
        hosts: the address of each node. Its probes are sent from there.
        proxies: the address at which each node is reached.
        token: the bytes by which the relay recognises probes.
        resend: seconds until an unanswered probe is sent again. A probe may get lost.
        rng: draws the bytes that tell probes apart.

    Raises:
        OSError: no socket can be bound to a node's address.
    """
    outstanding = _Outstanding(links, token, rng)
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
