"""The relay's sockets: whom they stand for, and when they go."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from nomos_testing.relay.forwarding import Forwarder
from nomos_testing.relay.proxy_sockets import (
    IDLE_SECONDS,
    MOST_PASSING,
    Address,
    NodeSockets,
    ProxySocket,
    ProxySockets,
)
from nomos_testing.topology import reserve_ports
from support.processes.relay_lab import own_host

TOKEN = b"a probe of this test"


@dataclass
class Noted:
    """What a forwarder reports."""

    opened: list[ProxySocket] = field(default_factory=list)
    closed: list[ProxySocket] = field(default_factory=list)
    strangers: list[Address] = field(default_factory=list)

    def proxy_opened(self, proxy: ProxySocket) -> None:
        self.opened.append(proxy)

    def proxy_closing(self, proxy: ProxySocket) -> None:
        self.closed.append(proxy)

    def proxy_failed(self, owner: Address, error: OSError) -> None:
        raise error

    def stranger_seen(self, source: Address, proxy: ProxySocket) -> None:
        self.strangers.append(source)


@pytest.fixture
def proxies() -> Iterator[ProxySockets]:
    with reserve_ports(2) as ports:
        nodes = {name: NodeSockets(own_host(), (own.network,)) for name, own in zip("ab", ports.nodes, strict=True)}
    proxies = ProxySockets("127.0.0.1", nodes)
    yield proxies
    proxies.close()


def proxy_of(proxies: ProxySockets, node: str) -> ProxySocket:
    return next(proxy for proxy in proxies.by_owner.values() if proxy.node == node and proxy.lasting)


def dial(proxies: ProxySockets, sockets: ExitStack, forwarder: Forwarder) -> Address:
    """Send a packet from a new port of node a to node b; that port."""
    dialling = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    dialling.bind((proxy_of(proxies, "a").owner[0], 0))
    target = proxy_of(proxies, "b")
    dialling.sendto(b"hello", target.address)
    assert select.select([target.socket], [], [], 5)[0]
    forwarder.receive(target)
    host, port = dialling.getsockname()
    return host, port


def test_listening_sockets_have_proxies_with_their_own_ports_that_last(proxies: ProxySockets) -> None:
    assert {proxy.address[1] for proxy in proxies.by_owner.values()} == {owner[1] for owner in proxies.by_owner}
    assert proxies.idle(1e9) == []
    assert proxies.surplus("a") == []


def test_a_proxy_socket_that_is_no_longer_used_goes(proxies: ProxySockets) -> None:
    noted = Noted()
    forwarder = Forwarder(proxies, noted, probe_token=TOKEN)
    with ExitStack() as sockets:
        owner = dial(proxies, sockets, forwarder)
    (opened,) = noted.opened
    assert opened.owner == owner
    assert proxies.idle(opened.last_used + IDLE_SECONDS - 1) == []
    assert proxies.idle(opened.last_used + IDLE_SECONDS + 1) == [opened]
    opened.last_used -= IDLE_SECONDS + 1
    forwarder.close_idle_proxies()
    assert noted.closed == [opened]
    assert owner not in proxies.by_owner


def test_a_node_that_dials_and_dials_keeps_its_newest_proxies_only(proxies: ProxySockets) -> None:
    noted = Noted()
    forwarder = Forwarder(proxies, noted, probe_token=TOKEN)
    with ExitStack() as sockets:
        owners = [dial(proxies, sockets, forwarder) for _ in range(MOST_PASSING + 3)]
    passing = [proxy.owner for proxy in proxies.by_owner.values() if not proxy.lasting]
    assert passing == owners[3:]
    assert [proxy.owner for proxy in noted.closed] == owners[:3]


def test_nodes_cannot_share_an_address(proxies: ProxySockets) -> None:
    taken = proxy_of(proxies, "a").owner[0]
    with pytest.raises(ValueError, match="each node needs a name and an address of its own"):
        proxies.add("c", NodeSockets(taken, (1,)))


def test_a_node_whose_port_is_taken_leaves_no_face_behind(proxies: ProxySockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, reserve_ports(1) as ports:
        other.bind(("127.0.0.1", 0))
        free, taken = ports.nodes[0].network, other.getsockname()[1]
        ports.release()
        with pytest.raises(OSError, match=f"cannot bind UDP 127.0.0.1:{taken}"):
            proxies.add("c", NodeSockets(own_host(), (free, taken)))
    assert {proxy.node for proxy in proxies.by_owner.values()} == {"a", "b"}
    assert "c" not in proxies.nodes
