"""The relay's sockets. Each socket of a node has a proxy, which is the address that all other nodes see.

The listening sockets of nodes are known from the start. Their proxies have known addresses and last. When a node dials
from another port, its first packet makes a proxy for that port. This proxy is closed after a minute without packets,
which is several times as long as QUIC keeps a silent connection.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

Address = tuple[str, int]
"""IPv4 address and UDP port."""

IDLE_SECONDS: Final = 60.0
MOST_PASSING: Final = 64
"""The most proxies of one node that do not last."""
_RECEIVE_BUFFER: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NodeSockets:
    """A node's own address and the UDP ports it listens on. Its proxies have the same ports on the relay's address."""

    host: str
    ports: tuple[int, ...]


@dataclass(slots=True, eq=False)
class ProxySocket:
    """The socket that stands for one socket of a node."""

    node: str
    """Name of the node."""
    owner: Address
    """Address of the node's socket."""
    socket: socket.socket
    lasting: bool
    """It stands for a listening socket and is never closed as idle."""
    last_used: float = 0.0
    """When a packet passed it last, in seconds of the monotonic clock."""

    @property
    def address(self) -> Address:
        """The address that other nodes see."""
        host, port = self.socket.getsockname()
        return host, port


class ProxySockets:
    """All proxies of a relay, by the address of the node's socket."""

    def __init__(self, host: str, nodes: Mapping[str, NodeSockets]) -> None:
        """
        Raises:
            OSError, ValueError: as ``add``.
        """
        self.by_owner: dict[Address, ProxySocket] = {}
        self._host = host
        self._node_by_host: dict[str, str] = {}
        try:
            for name, sockets in nodes.items():
                self.add(name, sockets)
        except (OSError, ValueError):
            self.close()
            raise

    def add(self, name: str, sockets: NodeSockets) -> list[ProxySocket]:
        """Open the lasting proxies of a node.

        Raises:
            OSError: an address is in use; the text names it.
            ValueError: another node has this name or address.
        """
        if name in self.nodes or sockets.host in self._node_by_host:
            raise ValueError(f"{name} at {sockets.host}: each node needs a name and an address of its own")
        opened: list[ProxySocket] = []
        try:
            for port in sockets.ports:
                opened.append(self._add(name, (sockets.host, port), port, lasting=True))
        except OSError:
            for proxy in opened:
                self.remove(proxy)
            raise
        self._node_by_host[sockets.host] = name
        return opened

    @property
    def nodes(self) -> Collection[str]:
        """Names of the nodes."""
        return self._node_by_host.values()

    def node_at(self, host: str) -> str | None:
        """Return the name of the node with this address."""
        return self._node_by_host.get(host)

    def open_passing(self, node: str, owner: Address, now: float) -> ProxySocket:
        """Open a proxy for a socket that is not known yet.

        Raises:
            OSError: the process has too many sockets.
        """
        return self._add(node, owner, 0, lasting=False, now=now)

    def idle(self, now: float) -> list[ProxySocket]:
        """Return the passing proxies that were not used for a minute."""
        return [proxy for proxy in self.by_owner.values() if not proxy.lasting and now - proxy.last_used > IDLE_SECONDS]

    def surplus(self, node: str) -> list[ProxySocket]:
        """Return the proxies to close before a node gets one more. A node that dials again uses another port."""
        passing = [proxy for proxy in self.by_owner.values() if not proxy.lasting and proxy.node == node]
        passing.sort(key=lambda proxy: proxy.last_used)
        return passing[: max(0, len(passing) - MOST_PASSING + 1)]

    def remove(self, proxy: ProxySocket) -> None:
        """Close a proxy. Its node may get another one later."""
        del self.by_owner[proxy.owner]
        proxy.socket.close()

    def close(self) -> None:
        """Close all proxies."""
        for proxy in self.by_owner.values():
            proxy.socket.close()
        self.by_owner.clear()

    def _add(self, node: str, owner: Address, port: int, *, lasting: bool, now: float = 0.0) -> ProxySocket:
        proxy = ProxySocket(node, owner, _bound(self._host, port), lasting, now)
        self.by_owner[owner] = proxy
        return proxy


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot bind UDP {host}:{port}: {error.strerror}") from error
    with suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    bound.setblocking(False)
    return bound
