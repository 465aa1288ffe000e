"""The relay as a process of the runner's: started before the nodes, asked over pipes, gone when the runner is."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nomos_testing.cluster.interfaces import NetworkControlError
from nomos_testing.cluster.links import Link
from nomos_testing.deployers.local.child_process import LaunchError, described_status
from nomos_testing.deployers.local.direct_launcher import die_with_parent
from nomos_testing.relay.effects import Effect
from nomos_testing.relay.faces import Address, NodeSockets
from nomos_testing.relay.probing import silent_links

RELAY_HOST = "127.0.0.1"
"""Where all faces are. Node ports are unique, so a node's faces have the node's ports."""
_ANSWER_SECONDS = 5.0
_END_SECONDS = 0.5
_LONGEST_ANSWER = 64 * 1024 * 1024
_TOKEN_BYTES = 16


class RelayProcess:
    """A running relay between ``nodes``. ``ended`` is called with the reason should it end by itself."""

    def __init__(self, nodes: Mapping[str, NodeSockets], *, evidence: Path, seed: int) -> None:
        self.nodes = dict(nodes)
        self.evidence = evidence
        self._seed = seed
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._last_request = 0
        self._failure: str | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self, *, ended: Callable[[str], None]) -> None:
        """Start it and have it bind every face.

        Raises:
            LaunchError: the program cannot be started, or an address is in use.
        """
        self._process = await self._spawn()
        self._watch = asyncio.create_task(self._report_end(self._process, ended), name="watch the relay")
        nodes = {name: asdict(sockets) for name, sockets in self.nodes.items()}
        try:
            await self._ask("open", host=RELAY_HOST, nodes=nodes, probe_token=self._token.hex(), seed=str(self._seed))
        except NetworkControlError as error:
            await self.close()
            raise LaunchError(str(error)) from None

    async def admit(self, name: str, sockets: NodeSockets) -> None:
        """Relay for one node more."""
        await self._ask("admit", name=name, node=asdict(sockets))
        self.nodes[name] = sockets

    async def impose(self, number: int, links: Iterable[Link], effect: Effect) -> float:
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

    async def silent_links(self, links: Iterable[Link], *, timeout: float) -> frozenset[Link]:
        """Those of ``links`` that do not echo a probe within ``timeout`` seconds."""
        return await silent_links(
            links,
            hosts={name: node.host for name, node in self.nodes.items()},
            faces={name: _face(node) for name, node in self.nodes.items()},
            token=self._token,
            timeout=timeout,
        )

    async def close(self) -> None:
        """End it. Idempotent."""
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

    async def _spawn(self) -> asyncio.subprocess.Process:
        try:
            with self.evidence.open("ab") as stderr:
                return await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "nomos_testing.relay", str(self.evidence)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                    limit=_LONGEST_ANSWER,
                    start_new_session=True,
                    preexec_fn=die_with_parent(),
                )
        except OSError as error:
            raise LaunchError(f"failed to start the network relay: {error}") from error

    async def _ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """
        Raises:
            NetworkControlError: the relay has ended, does not answer, or refuses.
        """
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
        raise NetworkControlError(self._failure or _end_text(await process.wait(), self.evidence))

    async def _report_end(self, process: asyncio.subprocess.Process, ended: Callable[[str], None]) -> None:
        self._failure = _end_text(await process.wait(), self.evidence)
        ended(self._failure)


def _face(node: NodeSockets) -> Address:
    return RELAY_HOST, node.ports[0]


def _end_text(status: int, evidence: Path) -> str:
    return f"the network relay has ended ({described_status(status)}); its log is {evidence}"
