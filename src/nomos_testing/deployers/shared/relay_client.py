"""The client of a relay: sends requests over a line channel, and notices the end of the relay."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from random import Random
from typing import Any, Final

from nomos_testing.cluster.interfaces import NetworkControlError
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.link_probes import LinkProbes
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.runtime.background import WatchTask, log_failure
from nomos_testing.surroundings import THIS_MACHINE, monotonic

ANSWER_SECONDS: Final = 5.0
"""How long the relay may take to answer a request, on the reference machine."""
_END_SECONDS: Final = 0.5
_TOKEN_BYTES: Final = 16
_LOGGED: Final = ("number", "numbers", "name", "links", "effect")
"""The fields of a request that its log line shows: the one that opens the relay has a secret token besides."""
_LONGEST_LOGGED: Final = 300
"""Characters of a request in the log."""

_log = logging.getLogger(__name__)


class RelayClient:
    """A client of the relay. All its sockets have one address, and each has the port of its node (ports are unique)."""

    def __init__(
        self,
        nodes: Mapping[str, NodeSockets],
        *,
        host: str,
        connect: Callable[[], Awaitable[LineChannel]],
        probes: LinkProbes,
        evidence: str,
        seed: int,
        opened_by_file: bool = False,
        same_clock: bool = True,
        rng: Random = THIS_MACHINE.rng,
    ) -> None:
        """
        Args:
            host: the address of the relay's sockets.
            connect: gives the channel to the relay's program, which ends when the program does; raises ``LaunchError``.
            probes: sends probes from the nodes.
            evidence: the relay's log, for people to read.
            opened_by_file: the relay reads ``first_request`` from a file when it starts, and needs no other.
            same_clock: the relay's monotonic clock is this machine's, so that its times can be used here.
            rng: for the token that probes are known by.
        """
        self.nodes = dict(nodes)
        self.evidence = evidence
        self.token = rng.randbytes(_TOKEN_BYTES)
        """The first bytes of each probe."""
        self._host = host
        self._connect = connect
        self._probes = probes
        self._seed = seed
        self._opened_by_file = opened_by_file
        self._same_clock = same_clock
        self._answer_seconds = ANSWER_SECONDS
        self._channel: LineChannel | None = None
        self._watch: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._last_request = 0
        self._failure: str | None = None

    @property
    def first_request(self) -> str:
        """Line that opens the relay."""
        return json.dumps({"id": 0, "do": "open", **self._opening()}) + "\n"

    async def start(
        self,
        *,
        ended: Callable[[str], None],
        watch: WatchTask = log_failure,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Start the relay and have it bind every address. Call ``ended`` with the reason if it ends by itself.

        Raises:
            LaunchError: the program cannot be started, or an address is in use.
        """
        self._answer_seconds = answer_seconds
        self._channel = channel = await self._connect()
        _log.debug("started the network relay (%s); its log is %s", channel.name, self.evidence)
        self._watch = asyncio.create_task(self._report_end(channel, ended), name="watch the relay")
        watch(self._watch)
        try:
            if self._opened_by_file:
                await self._ask("count")  # an answer shows that it was opened
            else:
                await self._ask("open", **self._opening())
        except NetworkControlError as error:
            await self.close()
            raise LaunchError(str(error)) from None

    async def silent_links(self, links: Iterable[Link], *, timeout: float) -> frozenset[Link]:
        """Return the links that do not echo a probe within ``timeout`` seconds.

        Raises:
            OSError: no probe can be sent.
            LaunchError: no program that sends probes can be started.
        """
        proxies = {name: (self._host, node.ports[0]) for name, node in self.nodes.items()}
        return await self._probes.silent(links, nodes=self.nodes, proxies=proxies, token=self.token, timeout=timeout)

    async def add(self, name: str, sockets: NodeSockets) -> None:
        """Relay for one more node."""
        await self._ask("add", name=name, node=asdict(sockets))
        self.nodes[name] = sockets

    async def impose(self, number: int, links: Iterable[Link], effect: LinkEffect) -> float:
        """Impose an effect on links, and return the monotonic time at which it began."""
        chosen = sorted((link.source, link.target) for link in links)
        return self._time(await self._ask("impose", number=number, links=chosen, effect=effect.to_json()))

    async def lift(self, numbers: Collection[int]) -> float:
        return self._time(await self._ask("lift", numbers=sorted(numbers)))

    async def clear(self) -> float:
        return self._time(await self._ask("clear"))

    async def counters(self) -> dict[Link, dict[str, int]]:
        """Return the numbers of packets on each link since the start: see ``relay.path.Counters``."""
        rows = (await self._ask("count"))["counters"]
        return {Link(row.pop("source"), row.pop("target")): row for row in rows}

    async def close(self) -> None:
        """Close the channel, upon which the relay ends. Idempotent."""
        await self._probes.close()
        channel, watch, self._watch = self._channel, self._watch, None
        if channel is None or watch is None:
            return
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await channel.close(grace=_END_SECONDS)

    def _time(self, answer: Mapping[str, Any]) -> float:
        """Return the monotonic time of what was answered: now, if the relay has another clock."""
        return float(answer["at"]) if self._same_clock else monotonic()

    def _opening(self) -> dict[str, Any]:
        nodes = {name: asdict(sockets) for name, sockets in self.nodes.items()}
        return {"host": self._host, "nodes": nodes, "probe_token": self.token.hex(), "seed": str(self._seed)}

    async def _ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """
        Raises:
            NetworkControlError: the relay has ended, does not answer, or refuses.
        """
        shown, began = _shown(do, fields), monotonic()
        try:
            answer = await self._asked(do, fields)
        except NetworkControlError as error:
            _log.debug("relay: %s failed after %.1f ms: %s", shown, 1000 * (monotonic() - began), error)
            raise
        _log.debug("relay: %s done in %.1f ms", shown, 1000 * (monotonic() - began))
        return answer

    async def _asked(self, do: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        async with self._one_at_a_time:
            self._last_request += 1
            request = {"id": self._last_request, "do": do, **fields}
            try:
                async with asyncio.timeout(self._answer_seconds):
                    answer = await self._answer_to(request)
            except TimeoutError:
                name = "not started" if self._channel is None else self._channel.name
                raise NetworkControlError(
                    f"the network relay ({name}) did not answer {do!r} within {self._answer_seconds:g} s"
                ) from None
        if "error" in answer:
            raise NetworkControlError(f"the network relay refuses {do!r}: {answer['error']}")
        return answer

    async def _answer_to(self, request: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel
        if channel is None or self._watch is None:
            raise NetworkControlError("the network relay is not running")
        await channel.write(json.dumps(request).encode())
        while line := await channel.read():
            answer: dict[str, Any] = json.loads(line)
            if answer["id"] == request["id"]:  # not the late answer to a request that was given up
                return answer
        raise NetworkControlError(self._failure or self._end_text(await channel.ended()))

    async def _report_end(self, channel: LineChannel, ended: Callable[[str], None]) -> None:
        self._failure = self._end_text(await channel.ended())
        ended(self._failure)

    def _end_text(self, status: str) -> str:
        return f"the network relay has ended ({status}); its log is {self.evidence}"


def _shown(do: str, fields: Mapping[str, Any]) -> str:
    text = " ".join([do, *(f"{key}={fields[key]}" for key in _LOGGED if key in fields)])
    return text if len(text) <= _LONGEST_LOGGED else f"{text[:_LONGEST_LOGGED]}..."
