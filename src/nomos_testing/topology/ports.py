"""Ports for the nodes of one network, given out in one place so that no two of them collide.

The kernel chooses: each port is bound for UDP and for TCP, and all sockets of a reservation stay open until it is
released, just before the nodes bind the ports themselves. In between, nobody else on the machine gets them.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_PORTS_PER_NODE = 5
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    network: int
    """UDP: the chain's libp2p swarm."""
    da: int
    """UDP: the data-availability swarm."""
    blend: int
    """UDP."""
    api: int
    """TCP."""
    testing_http: int
    """TCP."""

    @property
    def all(self) -> tuple[int, ...]:
        return (self.network, self.da, self.blend, self.api, self.testing_http)


class PortReservation:
    """Ports that are held until ``release``, which may be called more than once."""

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
    nodes: int, *, da_ports: Sequence[int] | None = None, blend_ports: Sequence[int] | None = None
) -> PortReservation:
    """Reserve five ports for each of ``nodes`` nodes. Given ports are used as they are and not held.

    Raises:
        OSError: the machine has no free ports left.
    """
    taken = {*(da_ports or ()), *(blend_ports or ())}
    with ExitStack() as sockets:
        ports = iter([_reserve_port(sockets, taken) for _ in range(_PORTS_PER_NODE * nodes)])
        drawn = [
            NodePorts(network=next(ports), da=next(ports), blend=next(ports), api=next(ports), testing_http=next(ports))
            for _ in range(nodes)
        ]
        given = [_with_given(item, index, da_ports, blend_ports) for index, item in enumerate(drawn)]
        return PortReservation(given, sockets.pop_all())


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


def _reserve_port(sockets: ExitStack, taken: set[int]) -> int:
    """Bind a port for both protocols, outside of ``taken``."""
    for _ in range(_ATTEMPTS):
        with ExitStack() as attempt:
            tcp = attempt.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            tcp.bind(("0.0.0.0", 0))
            port: int = tcp.getsockname()[1]
            udp = attempt.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            if port not in taken and _binds(udp, port):
                sockets.enter_context(attempt.pop_all())
                return port
    raise OSError(f"no port is free for both UDP and TCP: {_ATTEMPTS} tries failed")


def _binds(udp: socket.socket, port: int) -> bool:
    try:
        udp.bind(("0.0.0.0", port))
    except OSError:
        return False
    return True
