"""A run in memory whose control socket is open, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.client.answers import NetworkInfo
from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.runtime.control_client import ControlClient, ControlRefused
from nomos_testing.runtime.control_server import ControlServer
from nomos_testing.waiting.waiting import Seen, wait_until
from support.fakes.run_bench import Bench, MemoryNode, bench
from support.inputs.fault_deadlines import MACHINE_FACTOR

PATIENCE = 20.0 * MACHINE_FACTOR


@dataclass
class MemoryControl:
    """A node control that keeps the states of nodes that exist in memory only."""

    calls: list[str] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    """The nodes that do not obey."""

    def running(self, node: Any) -> bool:
        return node.name not in self.down

    def __getattr__(self, action: str) -> Callable[..., Awaitable[None]]:
        async def act(node: Any, **options: Any) -> None:
            if node.name in self.refuses:
                raise NodeControlError(f"{node.name} does not obey")
            self.calls.append(f"{action} {node.name}")
            {"kill": self.down.add, "stop": self.down.add, "start": self.down.discard}.get(action, str)(node.name)

        return act

    async def heal(self) -> None:
        self.calls.append("heal")


class Connected(MemoryNode):
    """A node that always has a peer."""

    url: str

    async def network_info(self, *, timeout: float | None = None) -> NetworkInfo:
        return NetworkInfo((), 1, 1, 0)


@dataclass
class Lab:
    """A run whose network is up, and a client of it."""

    made: Bench
    server: ControlServer
    client: ControlClient
    control: MemoryControl

    @property
    def directory(self) -> Path:
        return self.made.directory.path

    async def refusal(self, do: str, **fields: Any) -> str:
        with pytest.raises(ControlRefused) as refused:
            await self.client.ask(do, **fields)
        return str(refused.value)

    async def event(self, kind: type[Any]) -> Any:
        """The first event of a kind, once there is one."""

        def found() -> list[Any]:
            return [event for event in self.made.events() if isinstance(event, kind)]

        await until(kind.__name__, lambda: bool(found()))
        return found()[0]

    async def until_known(self, name: str) -> None:
        """Wait until the prompt has a name."""

        async def look() -> Seen:
            answer = await self.client.ask("run", source=f"{name!r} in globals()")
            return Seen(answer["value"] == "True", answer["value"])

        await wait_until(name, look, timeout=PATIENCE, poll=0.01)

    async def until_told(self, name: str) -> None:
        """Wait until an input has set an attribute of the context."""
        await until(name, lambda: hasattr(self.made.runner.context, name))


async def until(what: str, condition: Callable[[], bool]) -> None:
    async def look() -> Seen:
        return Seen(condition(), "not yet")

    await wait_until(what, look, timeout=PATIENCE, poll=0.01)


@asynccontextmanager
async def lab(directory: Path, *, node_control: bool = True) -> AsyncIterator[Lab]:
    nodes: Sequence[Any] = [Connected("validator-0"), Connected("validator-1")]
    for number, node in enumerate(nodes):
        node.url = f"http://127.0.0.1:{number + 1}"
    async with ControlServer() as server, bench(directory, node_control=node_control, nodes=nodes) as made:
        made.cluster.control = control = MemoryControl()
        await server.serve(made.directory.path, made.runner.context, made.runner.by_hand)
        async with await ControlClient.connect(made.directory.path) as client:
            yield Lab(made, server, client, control)
