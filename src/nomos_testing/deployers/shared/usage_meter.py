"""Measures what the nodes of a network use: on this machine from here, elsewhere by a program beside each node."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.node_host import NodeHost
from nomos_testing.runtime import process_usage
from nomos_testing.runtime.background import WatchTask, log_failure
from nomos_testing.runtime.node_usage import NO_USAGE, NodeUsage
from nomos_testing.runtime.process_usage import READING_SECONDS, Reading, UsageReader
from nomos_testing.surroundings import monotonic

_VALID_SECONDS: Final = 3.0
"""Age up to which a reading describes the present. A program in a frozen container writes nothing."""
_SILENCE_SECONDS: Final = 60.0
"""Silence after which a program beside a node is given up: the way to it may be broken."""
_AGAIN_SECONDS: Final = 2.0
"""Pause before a node is measured again that has ended, or beside which no program could be started."""

_log = logging.getLogger(__name__)


class ClusterUsageMeter:
    """A ``UsageMeter``."""

    def __init__(self, *, watch: WatchTask = log_failure) -> None:
        """
        Args:
            watch: notices the failure of a task of this meter.
        """
        self._watch = watch
        self._latest: dict[str, tuple[float, Reading]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, node: DeployedNode) -> None:
        """Measure a node from now on, in each of its lives."""
        task = asyncio.create_task(self._follow(node), name=f"measurement of {node.name}")
        self._tasks.append(task)
        self._watch(task)

    def usage(self, node: str) -> NodeUsage:
        at, reading = self._latest.get(node, (0.0, None))
        if reading is None or monotonic() - at > _VALID_SECONDS:
            return NO_USAGE
        return NodeUsage(cpu=reading.cpu, memory_bytes=reading.memory_bytes, disk_bytes=reading.disk_bytes)

    async def close(self) -> None:
        """End the measurements. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, node: DeployedNode) -> None:
        while True:
            if node.running:
                try:
                    await self._follow_life(node)
                except (NodeControlError, LaunchError, OSError, ValueError) as error:
                    _log.debug("%s cannot be measured: %s", node.name, error)
                self._latest.pop(node.name, None)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _follow_life(self, node: DeployedNode) -> None:
        readings = _readings_beside(node.host) if node.host.remote else _readings_here(node.host.pid)
        async with aclosing(readings):
            async for reading in readings:
                self._latest[node.name] = (monotonic(), reading)


async def _readings_here(pid: int) -> AsyncGenerator[Reading]:
    """Give a reading a second of a process of this machine, until it ends."""
    reader = UsageReader(pid)
    # In a thread, because a directory may be large and its disk slow.
    while (reading := await asyncio.to_thread(reader.read, monotonic())) is not None:
        yield reading
        await asyncio.sleep(READING_SECONDS)


def _reading(line: bytes) -> Reading:
    """
    Raises:
        ValueError: something else than the program has written the line, such as an error of ``docker exec``.
    """
    try:
        return Reading(*json.loads(line))
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a reading, got {line[:200]!r}") from error


async def _readings_beside(host: NodeHost) -> AsyncGenerator[Reading]:
    """Give the readings that a program beside a node writes, until it ends or falls silent."""
    program = await asyncio.to_thread(Path(process_usage.__file__).read_text, encoding="utf-8")
    channel = await host.open(host.python, "-I", "-S", "-c", program, str(host.pid))
    try:
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                line = await channel.read()
            if not line:
                _log.debug("the measurement over %s ended: %s", channel.name, await channel.ended())
                return
            yield _reading(line)
    finally:
        await channel.close()
