"""Forwards packets. A packet that arrives at a proxy goes to the node of that proxy, over the path between the nodes.

A packet on a path without effects is sent at once. All others wait in one heap until their time. No call blocks.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count, product
from typing import Final, Protocol

from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.relay.path import Path
from nomos_testing.relay.proxy_sockets import Address, ProxySocket, ProxySockets

_LARGEST_PACKET: Final = 65_535
_BATCH: Final = 64
"""Packets that are read from one socket before the next socket is served."""
_MOST_QUEUED: Final = 256 * 1024 * 1024
"""Bytes of all waiting packets together."""

Send = Callable[[bytes], None]


@dataclass(slots=True, order=True)
class _Waiting:
    departure: float
    number: int
    path: Path
    send: Send
    payload: bytes


class Observer(Protocol):
    """Receives the rare events of a forwarder."""

    def proxy_opened(self, proxy: ProxySocket) -> None: ...

    def proxy_closing(self, proxy: ProxySocket) -> None: ...

    def proxy_failed(self, owner: Address, error: OSError) -> None: ...

    def stranger_seen(self, source: Address, proxy: ProxySocket) -> None: ...


class Forwarder:
    """Forwards the packets of all nodes."""

    def __init__(self, proxies: ProxySockets, observer: Observer, *, probe_token: bytes, seed: str = "") -> None:
        """Packets that begin with ``probe_token`` are echoed here. They do not go to the node."""
        self.proxies = proxies
        self.paths: dict[tuple[str, str], Path] = {}
        self._observer = observer
        self._seed = seed
        self._probe_token = probe_token
        self._buffer = memoryview(bytearray(_LARGEST_PACKET))
        self._waiting: list[_Waiting] = []
        self._queued_bytes = 0
        self._numbers = count()
        self._strangers: set[Address] = set()
        self.lay_paths()

    @property
    def next_departure(self) -> float | None:
        """When the next waiting packet is due; None if none waits."""
        return self._waiting[0].departure if self._waiting else None

    def lay_paths(self) -> None:
        """Make a path between every two nodes. Existing paths stay as they are."""
        for source, target in product(self.proxies.nodes, repeat=2):
            if (source, target) not in self.paths:
                self.paths[source, target] = Path(Link(source, target), self._seed)

    def change(self, effects: Mapping[Link, LinkEffect]) -> None:
        """Set the effects of links from now on. They also change packets that wait already."""
        now = time.monotonic()
        for link, effect in effects.items():
            self.paths[link.source, link.target].change(effect)
        self._requeue({self.paths[link.source, link.target] for link in effects}, now)
        self.send_due()

    def receive(self, proxy: ProxySocket) -> None:
        """Read the packets that have arrived at a proxy, up to one batch."""
        receive_into, buffer, by_owner = proxy.socket.recvfrom_into, self._buffer, self.proxies.by_owner
        proxy.last_used = now = time.monotonic()
        for _ in range(_BATCH):
            try:
                size, source = receive_into(buffer)
            except BlockingIOError:
                return
            sender = by_owner.get(source) or self._first_packet(source, proxy, buffer[:size], now)
            if sender is None:
                continue
            sender.last_used = now
            path = self.paths[sender.node, proxy.node]
            path.counters.received += 1
            if path.clear:
                _send(sender, proxy.owner, path, buffer[:size])
            else:
                self._enqueue(path, partial(_send, sender, proxy.owner, path), bytes(buffer[:size]), now)

    def send_due(self) -> None:
        """Send every waiting packet that is due."""
        now, waiting = time.monotonic(), self._waiting
        while waiting and waiting[0].departure <= now:
            due = heapq.heappop(waiting)
            self._queued_bytes -= len(due.payload)
            due.send(due.payload)

    def close_idle_proxies(self) -> None:
        """Close the passing proxies that were not used for a minute."""
        self._close(self.proxies.idle(time.monotonic()))

    def _first_packet(self, source: Address, proxy: ProxySocket, packet: memoryview, now: float) -> ProxySocket | None:
        node = self.proxies.node_at(source[0])
        if node is None:
            self._note_stranger(source, proxy)
            return None
        if packet[: len(self._probe_token)] == self._probe_token:
            self._take_probe(node, source, proxy, bytes(packet), now)
            return None
        self._close(self.proxies.surplus(node))
        try:
            opened = self.proxies.open_passing(node, source, now)
        except OSError as error:
            self._observer.proxy_failed(source, error)
            return None
        self._observer.proxy_opened(opened)
        return opened

    def _close(self, proxies: Iterable[ProxySocket]) -> None:
        for proxy in proxies:
            self._observer.proxy_closing(proxy)
            self.proxies.remove(proxy)

    def _note_stranger(self, source: Address, proxy: ProxySocket) -> None:
        if source not in self._strangers:
            self._strangers.add(source)
            self._observer.stranger_seen(source, proxy)

    def _take_probe(self, node: str, source: Address, proxy: ProxySocket, packet: bytes, now: float) -> None:
        """Send a probe over the path to the node's socket, and then over the path back to its sender."""
        there, back = self.paths[node, proxy.node], self.paths[proxy.node, node]

        def answer(payload: bytes) -> None:
            back.counters.probes += 1
            _send_quietly(proxy, source, payload)

        def bounce(payload: bytes) -> None:
            self._enqueue(back, answer, payload, time.monotonic())

        there.counters.probes += 1
        self._enqueue(there, bounce, packet, now)

    def _enqueue(self, path: Path, send: Send, payload: bytes, now: float) -> None:
        for departure in path.departures(len(payload), now):
            if departure <= now:
                send(payload)
            elif self._queued_bytes + len(payload) > _MOST_QUEUED:
                path.counters.overflowed += 1
            else:
                self._queued_bytes += len(payload)
                heapq.heappush(self._waiting, _Waiting(departure, next(self._numbers), path, send, payload))

    def _requeue(self, paths: set[Path], now: float) -> None:
        affected = sorted(waiting for waiting in self._waiting if waiting.path in paths)
        if not affected:
            return
        self._waiting = [waiting for waiting in self._waiting if waiting.path not in paths]
        for waiting in affected:
            departure = waiting.path.requeued(len(waiting.payload), waiting.departure, now)
            if departure is None:
                self._queued_bytes -= len(waiting.payload)
            else:
                waiting.departure = departure
                self._waiting.append(waiting)
        heapq.heapify(self._waiting)


def _send(sender: ProxySocket, target: Address, path: Path, payload: bytes | memoryview) -> None:
    if _send_quietly(sender, target, payload):
        path.counters.delivered += 1
    else:
        path.counters.overflowed += 1


def _send_quietly(proxy: ProxySocket, target: Address, payload: bytes | memoryview) -> bool:
    try:
        proxy.socket.sendto(payload, target)
    except OSError:  # The kernel's buffers are full, or the proxy was closed meanwhile. Networks lose packets.
        return False
    return True
