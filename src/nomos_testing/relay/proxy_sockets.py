"""The relay's sockets: for each socket of a node, the proxy it shows to all others.

Listening sockets of nodes are known beforehand; their proxies have known addresses and last. A node that dials from
another port gets a proxy for that port with its first packet; it goes once nothing came for a minute, which is several
times as long as QUIC keeps a silent connection.
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
"""ProxySockets of one node that do not last."""
_RECEIVE_BUFFER: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NodeSockets:
    """A node's own address and the UDP ports it listens on. Its proxies have the same ports on the relay's address."""

    host: str
    ports: tuple[int, ...]


@dataclass(slots=True, eq=False)
class ProxySocket:
    node: str
    owner: Address
    """The node's socket that it stands for."""
    socket: socket.socket
    lasting: bool
    last_used: float = 0.0

    @property
    def address(self) -> Address:
        host, port = self.socket.getsockname()
        return host, port


class ProxySockets:
    """All proxies, by the node's socket they stand for."""

    def __init__(self, host: str, nodes: Mapping[str, NodeSockets]) -> None:
        """
        Raises:
            OSError, ValueError: as ``admit``.
        """
        self.by_owner: dict[Address, ProxySocket] = {}
        self._host = host
        self._node_by_host: dict[str, str] = {}
        try:
            for name, sockets in nodes.items():
                self.admit(name, sockets)
        except (OSError, ValueError):
            self.close()
            raise

    def admit(self, name: str, sockets: NodeSockets) -> list[ProxySocket]:
        """Show a node's lasting proxies.

        Raises:
            OSError: an address is in use; the text has it.
            ValueError: there is a node of that name or with that address.
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
        return self._node_by_host.values()

    def node_at(self, host: str) -> str | None:
        return self._node_by_host.get(host)

    def of_newcomer(self, node: str, owner: Address, now: float) -> ProxySocket:
        """The new proxy of a socket that was not known.

        Raises:
            OSError: the process has too many sockets.
        """
        return self._add(node, owner, 0, lasting=False, now=now)

    def idle(self, now: float) -> list[ProxySocket]:
        return [proxy for proxy in self.by_owner.values() if not proxy.lasting and now - proxy.last_used > IDLE_SECONDS]

    def surplus(self, node: str) -> list[ProxySocket]:
        """Those that have to go before a node may have one more: it dials and dials, each time from another port."""
        passing = [proxy for proxy in self.by_owner.values() if not proxy.lasting and proxy.node == node]
        passing.sort(key=lambda proxy: proxy.last_used)
        return passing[: max(0, len(passing) - MOST_PASSING + 1)]

    def remove(self, proxy: ProxySocket) -> None:
        """Close it; its node may come back with another one."""
        del self.by_owner[proxy.owner]
        proxy.socket.close()

    def close(self) -> None:
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
