"""A running relay between plain UDP sockets that stand for nodes: packets in at one end, timed at the other."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nomos_testing.cluster.links import Link
from nomos_testing.deployers.local.relay_process import RELAY_HOST, local_relay
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.relay.proxy_sockets import Address, NodeSockets
from nomos_testing.topology import reserve_ports
from support.inputs.fault_deadlines import MACHINE_FACTOR

PACKET = 1200
"""Bytes, as of a QUIC packet."""
WINDOW = 32
"""Packets on their way between two looks at whether they have come."""
PATIENCE = 5.0 * MACHINE_FACTOR
_HOSTS = itertools.count(2)


def own_host() -> str:
    """A loopback address that no other socket of this test process uses."""
    number = next(_HOSTS)
    return f"127.0.{200 + number // 250}.{number % 250 + 1}"


@dataclass(frozen=True, slots=True)
class Arrival:
    at: float
    source: Address
    payload: bytes

    @property
    def number(self) -> int:
        return int.from_bytes(self.payload[:4], "big")


@dataclass(slots=True)
class Station(asyncio.DatagramProtocol):
    """One UDP socket of a would-be node; keeps what arrives, and echoes it on demand."""

    echoing: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.arrivals.append(Arrival(time.monotonic(), addr, data))
        if self.echoing:
            self.send(data, addr)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def send(self, payload: bytes, target: Address) -> None:
        assert self.transport is not None
        self.transport.sendto(payload, target)

    @property
    def address(self) -> Address:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")
        return host, port

    @property
    def numbers(self) -> list[int]:
        return [arrival.number for arrival in self.arrivals]

    async def received(self, count: int) -> list[Arrival]:
        """The arrivals, once there are ``count``."""
        await until(f"{count} packets", lambda: len(self.arrivals) >= count)
        return self.arrivals

    async def drained(self) -> None:
        """Wait until everything in the socket's buffer has been taken out."""
        before = -1
        while before < len(self.arrivals):
            before = len(self.arrivals)
            await asyncio.sleep(0)

    async def quiet(self, *, seconds: float = 0.1) -> None:
        """Wait until nothing has arrived for a while."""
        await until(f"{seconds} s without a packet", lambda: self.arrivals[-1].at < time.monotonic() - seconds)


async def open_station(sockets: NodeSockets) -> Station:
    address = (sockets.host, sockets.ports[0])
    transport, station = await asyncio.get_running_loop().create_datagram_endpoint(Station, local_addr=address)
    station.transport = transport
    return station


async def until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        await asyncio.sleep(0.005)


@dataclass(slots=True)
class RelayLab:
    relay: RelayClient
    pid: int
    """The relay's process id."""
    stations: Mapping[str, Station]
    ended: list[str]
    """Why the relay ended by itself, if it did."""

    def proxy(self, name: str) -> Address:
        """Where others reach a station."""
        return RELAY_HOST, self.relay.nodes[name].ports[0]

    def send(self, source: str, target: str, number: int, *, size: int = PACKET) -> float:
        """Send a numbered packet; when."""
        sent = time.monotonic()
        self.stations[source].send(number.to_bytes(4, "big").ljust(size, b"\x40"), self.proxy(target))
        return sent

    async def stream(self, source: str, target: str, count: int, *, rate: float = 4000.0, size: int = PACKET) -> None:
        """Send packets 0 to ``count``, so many a second at most, and never more than the sockets' buffers hold.

        On a busy machine a process may have to wait for its turn longer than a buffer lasts, and the kernel drops
        packets in silence.
        """
        link, begun = Link(source, target), time.monotonic()
        before = (await self.relay.counters())[link]["received"]
        for number in range(count):
            if (ahead := begun + number / rate - time.monotonic()) > 0.001:
                await asyncio.sleep(ahead)
            self.send(source, target, number, size=size)
            if (number + 1) % WINDOW == 0:
                await self.taken_in(link, before + number + 1)
                await self.stations[target].drained()

    async def taken_in(self, link: Link, count: int) -> None:
        """Wait until the relay has got so many packets for a link."""
        async with asyncio.timeout(2 * PATIENCE):
            while (await self.relay.counters())[link]["received"] < count:
                pass

    async def passes(self, source: str, target: str, *, timeout: float) -> float | None:
        """How long until a packet sent again and again arrives; None if none did."""
        begun, before = time.monotonic(), len(self.stations[target].arrivals)
        while time.monotonic() < begun + timeout:
            self.send(source, target, 0)
            await asyncio.sleep(0.005)
            if len(self.stations[target].arrivals) > before:
                return self.stations[target].arrivals[before].at - begun
        return None


@asynccontextmanager
async def relay_lab(directory: Path, *names: str) -> AsyncIterator[RelayLab]:
    with reserve_ports(len(names)) as ports:
        nodes = {
            name: NodeSockets(own_host(), (own.network, own.da)) for name, own in zip(names, ports.nodes, strict=True)
        }
    ended: list[str] = []
    pids: list[int] = []
    relay = local_relay(nodes, evidence=directory / "relay.log", seed=1, started=pids.append)
    await relay.start(ended=ended.append)
    stations: dict[str, Station] = {}
    try:
        for name, sockets in nodes.items():
            stations[name] = await open_station(sockets)
        yield RelayLab(relay, pids[0], stations, ended)
    finally:
        for station in stations.values():
            station.close()
        await relay.close()
