"""The ports and loopback addresses of the nodes of one network. One place gives them out, so that no two are the same.

A reservation binds each port for UDP and for TCP. It keeps the sockets open until it is released, just before the nodes
bind the ports themselves. All ports are below the kernel's ephemeral range. The kernel gives a node that dials a port
from that range, and it could be the port that another node is about to listen on.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from nomos_testing.surroundings import THIS_MACHINE

_PORTS_PER_NODE = 5
_ATTEMPTS = 1000
_LOWEST = 10_000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL_START = 32_768
_FIRST_OWN_HOST = ipaddress.IPv4Address("127.0.1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    """The ports of one node."""

    network: int
    """UDP: the chain's libp2p swarm."""
    da: int
    """UDP: the data-availability swarm."""
    blend: int
    """UDP: the Blend swarm."""
    api: int
    """TCP: the node's HTTP API."""
    testing_http: int
    """TCP: the HTTP API for tests."""

    @property
    def peering(self) -> tuple[int, ...]:
        """The ports at which other nodes reach this one."""
        return (self.network, self.da, self.blend)

    @property
    def all(self) -> tuple[int, ...]:
        return (self.network, self.da, self.blend, self.api, self.testing_http)


class PortReservation:
    """Ports that nobody else can bind until ``release``. It may be called more than once."""

    def __init__(self, nodes: Sequence[NodePorts], sockets: ExitStack) -> None:
        self.nodes = tuple(nodes)
        self._sockets = sockets

    def release(self) -> None:
        self._sockets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def reserve_ports(
    nodes: int,
    *,
    da_ports: Sequence[int] | None = None,
    blend_ports: Sequence[int] | None = None,
    rng: Random = THIS_MACHINE.rng,
) -> PortReservation:
    """Reserve five ports for each of ``nodes`` nodes. Given ports are taken as they are and not reserved.

    Raises:
        OSError: the machine has no free ports left.
    """
    taken = {*(da_ports or ()), *(blend_ports or ())}
    candidates = _candidates()
    with ExitStack() as sockets:
        ports = iter([_reserve_port(sockets, taken, candidates, rng) for _ in range(_PORTS_PER_NODE * nodes)])
        drawn = [
            NodePorts(network=next(ports), da=next(ports), blend=next(ports), api=next(ports), testing_http=next(ports))
            for _ in range(nodes)
        ]
        given = [_with_given(item, index, da_ports, blend_ports) for index, item in enumerate(drawn)]
        return PortReservation(given, sockets.pop_all())


def own_hosts(nodes: int) -> tuple[str, ...]:
    """Return a loopback address for each node of a network with a relay. The relay knows a node by its address.

    Two networks may have the same addresses: their ports differ.
    """
    return tuple(str(_FIRST_OWN_HOST + node) for node in range(nodes))


def _with_given(
    drawn: NodePorts, index: int, da_ports: Sequence[int] | None, blend_ports: Sequence[int] | None
) -> NodePorts:
    return NodePorts(
        network=drawn.network,
        da=da_ports[index] if da_ports else drawn.da,
        blend=blend_ports[index] if blend_ports else drawn.blend,
        api=drawn.api,
        testing_http=drawn.testing_http,
    )


def _candidates() -> range:
    """Return the ports that the kernel does not give out by itself."""
    try:
        ephemeral_start = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral_start = _USUAL_EPHEMERAL_START
    # If an administrator left too few ports below the range, ports of the range are taken.
    return range(_LOWEST, ephemeral_start) if ephemeral_start > 2 * _LOWEST else range(_LOWEST, 1 << 16)


def _reserve_port(sockets: ExitStack, taken: set[int], candidates: range, rng: Random) -> int:
    """Bind a port for both protocols, outside of ``taken``."""
    for _ in range(_ATTEMPTS):
        port = rng.choice(candidates)
        with ExitStack() as attempt:
            tcp = attempt.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            udp = attempt.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            if port not in taken and _binds(tcp, port) and _binds(udp, port):
                sockets.enter_context(attempt.pop_all())
                return port
    raise OSError(f"no port from {candidates.start} to {candidates.stop - 1} is free: {_ATTEMPTS} tries failed")


def _binds(unbound: socket.socket, port: int) -> bool:
    try:
        unbound.bind(("0.0.0.0", port))
    except OSError:
        return False
    return True
