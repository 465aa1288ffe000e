"""Our end of a relay: asks it over pipes, and hears when it ends. Where it runs is its deployer's affair."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from nomos_testing.cluster.interfaces import NetworkControlError
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.deployers.shared.errors import LaunchError, described_status
from nomos_testing.relay.proxy_sockets import Address, NodeSockets

LONGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes in one line of the relay's."""
_ANSWER_SECONDS: Final = 5.0
_END_SECONDS: Final = 0.5
_TOKEN_BYTES: Final = 16
_LOGGED: Final = ("number", "numbers", "name", "links", "effect")
"""The fields of a request that its log line shows: the one that opens the relay has a secret token besides."""
_LONGEST_LOGGED: Final = 300
"""Characters of a request in the log."""

_log = logging.getLogger(__name__)


class RelayClient(ABC):
    """A relay between ``nodes``. Proxy sockets have one address; each has the port of its node (ports are unique)."""

    host: str
    """Where the proxies are."""

    def __init__(self, nodes: Mapping[str, NodeSockets], *, evidence: str, seed: int) -> None:
        """``evidence``: where the relay's log is, for people to read."""
        self.nodes = dict(nodes)
        self.evidence = evidence
        self.token = secrets.token_bytes(_TOKEN_BYTES)
        """What probes begin with."""
        self._seed = seed
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._last_request = 0
        self._failure: str | None = None

    @abstractmethod
    async def _spawn(self) -> asyncio.subprocess.Process:
        """The process whose pipes lead to the relay, and which ends when it does.

        Raises:
            LaunchError: it cannot be started.
        """

    @abstractmethod
    async def silent_links(self, links: Iterable[Link], *, timeout: float) -> frozenset[Link]:
        """Those of ``links`` that do not echo a probe within ``timeout`` seconds.

        Raises:
            OSError: no probe can be sent.
        """

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self, *, ended: Callable[[str], None]) -> None:
        """Start it and have it bind every proxy. ``ended`` is called with the reason should it end by itself.

        Raises:
            LaunchError: the program cannot be started, or an address is in use.
        """
        self._process = await self._spawn()
        _log.debug("started the network relay (pid %d); its log is %s", self._process.pid, self.evidence)
        self._watch = asyncio.create_task(self._report_end(self._process, ended), name="watch the relay")
        try:
            await self._begin()
        except NetworkControlError as error:
            await self.close()
            raise LaunchError(str(error)) from None

    async def _begin(self) -> None:
        await self._ask("open", **self.opening())

    def opening(self) -> dict[str, Any]:
        """What a relay has to know first."""
        nodes = {name: asdict(sockets) for name, sockets in self.nodes.items()}
        return {"host": self.host, "nodes": nodes, "probe_token": self.token.hex(), "seed": str(self._seed)}

    async def admit(self, name: str, sockets: NodeSockets) -> None:
        """Relay for one node more."""
        await self._ask("admit", name=name, node=asdict(sockets))
        self.nodes[name] = sockets

    async def impose(self, number: int, links: Iterable[Link], effect: LinkEffect) -> float:
        """Have an effect on links; the monotonic time at which it had begun."""
        chosen = sorted((link.source, link.target) for link in links)
        return float((await self._ask("impose", number=number, links=chosen, effect=effect.to_json()))["at"])

    async def lift(self, numbers: Collection[int]) -> float:
        return float((await self._ask("lift", numbers=sorted(numbers)))["at"])

    async def clear(self) -> float:
        return float((await self._ask("clear"))["at"])

    async def counters(self) -> dict[Link, dict[str, int]]:
        """Numbers of packets on each link since the start: see ``relay.path.Counters``."""
        rows = (await self._ask("count"))["counters"]
        return {Link(row.pop("source"), row.pop("target")): row for row in rows}

    async def close(self) -> None:
        """End our end of it. Idempotent."""
        process, watch, self._watch = self._process, self._watch, None
        if process is None or watch is None:
            return
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _proxies(self) -> dict[str, Address]:
        """Where each node is reached."""
        return {name: (self.host, node.ports[0]) for name, node in self.nodes.items()}

    async def _ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """
        Raises:
            NetworkControlError: the relay has ended, does not answer, or refuses.
        """
        shown, began = _shown(do, fields), time.monotonic()
        try:
            answer = await self._asked(do, fields)
        except NetworkControlError as error:
            _log.debug("relay: %s failed after %.1f ms: %s", shown, 1000 * (time.monotonic() - began), error)
            raise
        _log.debug("relay: %s done in %.1f ms", shown, 1000 * (time.monotonic() - began))
        return answer

    async def _asked(self, do: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        async with self._one_at_a_time:
            self._last_request += 1
            request = {"id": self._last_request, "do": do, **fields}
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    answer = await self._answer_to(request)
            except TimeoutError:
                raise NetworkControlError(
                    f"the network relay (pid {self.pid}) did not answer {do!r} within {_ANSWER_SECONDS:g} s"
                ) from None
        if "error" in answer:
            raise NetworkControlError(f"the network relay refuses {do!r}: {answer['error']}")
        return answer

    async def _answer_to(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or self._watch is None:
            raise NetworkControlError("the network relay is not running")
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ConnectionError):  # the end of its output tells the rest
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if answer["id"] == request["id"]:  # not the late answer to a request that was given up
                return answer
        raise NetworkControlError(self._failure or self._end_text(await process.wait()))

    async def _report_end(self, process: asyncio.subprocess.Process, ended: Callable[[str], None]) -> None:
        self._failure = self._end_text(await process.wait())
        ended(self._failure)

    def _end_text(self, status: int) -> str:
        return f"the network relay has ended ({described_status(status)}); its log is {self.evidence}"


def _shown(do: str, fields: Mapping[str, Any]) -> str:
    text = " ".join([do, *(f"{key}={fields[key]}" for key in _LOGGED if key in fields)])
    return text if len(text) <= _LONGEST_LOGGED else f"{text[:_LONGEST_LOGGED]}..."
