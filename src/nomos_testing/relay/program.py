"""The relay's loop: one thread serves packets, timers and control requests with the kernel's event queue.

Everything except single packets is recorded in a file of JSON lines. Its times are seconds of the monotonic clock.
"""

from __future__ import annotations

import gc
import json
import math
import os
import select
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, assert_never

from nomos_testing.relay.forwarding import Forwarder
from nomos_testing.relay.proxy_sockets import Address, ProxySocket, ProxySockets
from nomos_testing.relay.requests import (
    Admit,
    Clear,
    Count,
    Impose,
    Lift,
    Open,
    Request,
    RequestError,
    parse_line,
    parse_request,
)
from nomos_testing.relay.rules import Rule, RuleTable

HOUSEKEEPING_SECONDS: Final = 10.0
_READ_BYTES: Final = 1 << 20


class Evidence:
    """The file in which a relay records what it did."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, event: str, **fields: Any) -> None:
        line = {"at": round(time.monotonic(), 6), "event": event, **fields}
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")


class Relay:
    """One relay, from its first request to the end of its input. It is the observer of its forwarder."""

    def __init__(self, evidence: Evidence, *, requests: int, answers: int) -> None:
        """Make a relay. ``requests`` and ``answers`` are file descriptors."""
        self._evidence = evidence
        self._requests, self._answers = requests, answers
        self._unread = b""
        self._epoll = select.epoll()
        self._readers: dict[int, ProxySocket] = {}
        self._rules = RuleTable()
        self._forwarder: Forwarder | None = None
        self._running = True

    def run(self) -> None:
        """Relay packets until the input ends."""
        os.set_blocking(self._requests, False)
        self._epoll.register(self._requests, select.EPOLLIN)
        housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
        # Nothing here makes reference cycles, and a garbage collection would delay packets.
        gc.freeze()
        gc.disable()
        try:
            while self._running:
                self._turn(housekeeping)
                if time.monotonic() >= housekeeping:
                    self._keep_house()
                    housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
        finally:
            self._evidence.write("ended", counters=self._counters())

    def _turn(self, latest: float) -> None:
        forwarder = self._forwarder
        due = math.inf if forwarder is None or forwarder.next_departure is None else forwarder.next_departure
        for descriptor, _ in self._epoll.poll(max(0.0, min(due, latest) - time.monotonic())):
            if descriptor == self._requests:
                self._read_requests()
            elif self._forwarder is not None and (proxy := self._readers.get(descriptor)) is not None:
                self._forwarder.receive(proxy)
        if self._forwarder is not None:
            self._forwarder.send_due()

    def _keep_house(self) -> None:
        if self._forwarder is not None:
            self._forwarder.close_idle_proxies()
            self._evidence.write("counted", counters=self._counters())

    # Events of the forwarder

    def proxy_opened(self, proxy: ProxySocket) -> None:
        self._watch(proxy)
        self._evidence.write("proxy_opened", node=proxy.node, owner=proxy.owner, address=proxy.address)

    def proxy_closing(self, proxy: ProxySocket) -> None:
        self._epoll.unregister(proxy.socket.fileno())
        del self._readers[proxy.socket.fileno()]
        self._evidence.write("proxy_closed", node=proxy.node, owner=proxy.owner, address=proxy.address)

    def proxy_failed(self, owner: Address, error: OSError) -> None:
        self._evidence.write("proxy_failed", owner=owner, error=str(error.strerror))

    def stranger_seen(self, source: Address, proxy: ProxySocket) -> None:
        self._evidence.write("stranger_refused", source=source, towards=proxy.node)

    def _watch(self, proxy: ProxySocket) -> None:
        self._readers[proxy.socket.fileno()] = proxy
        self._epoll.register(proxy.socket.fileno(), select.EPOLLIN)

    # Requests

    def _read_requests(self) -> None:
        try:
            read = os.read(self._requests, _READ_BYTES)
        except BlockingIOError:
            return
        if not read:
            self._running = False
            return
        *lines, self._unread = (self._unread + read).split(b"\n")
        for line in lines:
            self.answer(line)

    def answer(self, line: bytes) -> None:
        """Execute the request of one line and write the answer."""
        number = None
        try:
            number, value = parse_line(line)
            answer = self._do(parse_request(value))
        except (OSError, ValueError) as error:
            answer = {"error": str(error.strerror if isinstance(error, OSError) else error)}
        # If the reader is gone, our input ends too.
        os.write(self._answers, json.dumps({"id": number, "at": time.monotonic(), **answer}).encode() + b"\n")

    def _do(self, request: Request) -> dict[str, Any]:
        if isinstance(request, Open):
            self._open(request)
            return {}
        if self._forwarder is None:
            raise RequestError("do: the first request must be open")
        match request:
            case Admit():
                self._admit(request, self._forwarder)
            case Impose():
                self._impose(request.number, request.rule, self._forwarder)
            case Lift():
                self._lift(request.numbers, self._forwarder)
            case Clear():
                self._lift(self._rules.numbers, self._forwarder)
            case Count():
                return {"counters": self._counters()}
            case _:
                assert_never(request)
        return {}

    def _open(self, request: Open) -> None:
        if self._forwarder is not None:
            raise RequestError("do: the relay is open already")
        proxies = ProxySockets(request.host, request.nodes)
        self._forwarder = Forwarder(proxies, self, probe_token=request.probe_token, seed=request.seed)
        for proxy in proxies.by_owner.values():
            self._watch(proxy)
        self._evidence.write("opened", nodes={name: asdict(sockets) for name, sockets in request.nodes.items()})

    def _admit(self, request: Admit, forwarder: Forwarder) -> None:
        for proxy in forwarder.proxies.add(request.name, request.sockets):
            self._watch(proxy)
        forwarder.lay_paths()
        self._evidence.write("added", name=request.name, **asdict(request.sockets))

    def _impose(self, number: int, rule: Rule, forwarder: Forwarder) -> None:
        for link in rule.links:
            if (link.source, link.target) not in forwarder.paths:
                raise RequestError(f"links: there is no link {link}")
        forwarder.change(self._rules.impose(number, rule))
        links = sorted(map(str, rule.links))
        self._evidence.write("imposed", number=number, effect=rule.effect.to_json(), links=links)

    def _lift(self, numbers: tuple[int, ...], forwarder: Forwarder) -> None:
        forwarder.change(self._rules.lift(numbers))
        self._evidence.write("lifted", numbers=numbers, in_force=self._rules.numbers)

    def _counters(self) -> list[dict[str, Any]]:
        if self._forwarder is None:
            return []
        return [
            {"source": source, "target": target, **path.counters.to_json()}
            for (source, target), path in self._forwarder.paths.items()
            if source != target
        ]
