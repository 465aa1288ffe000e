"""The hosts that have announced themselves, and their network when all have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from nomos_testing.cfgsync.network import in_order
from nomos_testing.cfgsync.registration import Registration
from nomos_testing.surroundings import monotonic
from nomos_testing.topology import GeneratedNode, GeneratedTopology

ALL_CAME: Final = "All hosts have announced their IPs"
TIMED_OUT: Final = "Timeout: Not all hosts announced within the time limit"


class NotAllAnnounced(Exception):
    """The timeout has passed and hosts are missing."""


class UnknownHostError(ValueError):
    """The network is complete without this host."""


class Registry:
    """The hosts of one network. All methods must be called in one event loop.

    Hosts can still announce themselves after the timeout. They get no answer until the last one has announced itself.
    A host that asks again after that gets its configuration.
    """

    def __init__(
        self,
        hosts: int,
        timeout: float,
        make: Callable[[Sequence[Registration]], GeneratedTopology],
        say: Callable[[str], None],
    ) -> None:
        """
        Args:
            hosts: the number of hosts.
            timeout: seconds from now.
            make: makes the network. It runs once, in a thread.
            say: takes the server's log lines.
        """
        self._expected = hosts
        self._deadline = monotonic() + timeout
        self._make, self._say = make, say
        self._hosts: list[Registration] = []
        self._waiting: dict[Registration, int] = {}
        self._network: asyncio.Future[GeneratedTopology] = asyncio.get_running_loop().create_future()
        self._making: asyncio.Task[None] | None = None
        self._timed_out = False

    @property
    def hosts(self) -> tuple[Registration, ...]:
        """The hosts that have announced themselves, in the order of the nodes."""
        return tuple(in_order(self._hosts))

    async def configuration(self, host: Registration) -> tuple[GeneratedTopology, GeneratedNode]:
        """Announce a host and wait for its node.

        Raises:
            NotAllAnnounced: hosts were missing when the timeout had passed.
            UnknownHostError: the network was complete without this host.
            ValueError, ProofError: no network could be made.
        """
        if self._making is None:
            self._announce(host)
        self._waiting[host] = self._waiting.get(host, 0) + 1
        try:
            network = await self.network()
        finally:
            self._waiting[host] -= 1
        return network, network.nodes[self._position(host)]

    async def network(self) -> GeneratedTopology:
        """Wait for the network.

        Raises:
            As ``configuration``.
        """
        left = max(0.0, self._deadline - monotonic()) if self._making is None else None
        done, _ = await asyncio.wait([self._network], timeout=left)
        if not done and self._making is None:
            self._time_out()
        return await asyncio.shield(self._network)

    def _announce(self, host: Registration) -> None:
        if host not in self._hosts:
            self._hosts = [other for other in self._hosts if not self._has_replaced(host, other)]
            self._hosts.append(host)
            self._say(f"{host} announced itself: {len(self._hosts)} of {self._expected}")
        if len(self._hosts) == self._expected:
            self._say(ALL_CAME)
            self._making = asyncio.create_task(self._make_network())

    def _has_replaced(self, host: Registration, other: Registration) -> bool:
        """Say whether ``host`` is the container of ``other``, started again at another address."""
        same_name = (host.role, host.identifier) == (other.role, other.identifier)
        return same_name and not self._waiting.get(other)

    async def _make_network(self) -> None:
        try:
            network = await asyncio.to_thread(self._make, self.hosts)
        except Exception as error:
            self._say(f"Error: no network could be made: {error}")
            self._network.set_exception(error)
        else:
            self._network.set_result(network)

    def _time_out(self) -> None:
        if not self._timed_out:
            self._timed_out = True
            came = ", ".join(map(str, self.hosts)) or "none"
            self._say(TIMED_OUT)
            self._say(f"{len(self._hosts)} of {self._expected} hosts announced themselves: {came}")
        raise NotAllAnnounced

    def _position(self, host: Registration) -> int:
        hosts = self.hosts
        if host in hosts:
            return hosts.index(host)
        named = [
            position
            for position, other in enumerate(hosts)
            if (other.role, other.identifier) == (host.role, host.identifier)
        ]
        if len(named) != 1:
            raise UnknownHostError(f"the network is complete without {host}: {', '.join(map(str, hosts))}")
        self._say(f"{host} announced itself again; its configuration stays as it was")
        return named[0]
