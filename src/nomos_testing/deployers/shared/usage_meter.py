"""Measures what the nodes of a network use: on this machine from here, elsewhere by a program beside each node."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.runtime import process_usage
from nomos_testing.runtime.background import WatchTask, log_failure
from nomos_testing.runtime.node_usage import NO_USAGE, NodeUsage
from nomos_testing.runtime.process_usage import FILES_SECONDS, Reading, UsageReader
from nomos_testing.surroundings import monotonic

_VALID_SECONDS: Final = 3.0
"""Age up to which a reading describes the present. A program in a frozen container writes nothing."""
_SILENCE_SECONDS: Final = 60.0
"""Silence after which a program beside a node is given up: the way to it may be broken."""
_AGAIN_SECONDS: Final = 2.0
"""Pause before a node is measured again that has ended, or beside which no program could be started."""

_LOADER: Final = "import json, sys; exec(json.loads(sys.stdin.readline()), {'__name__': '__main__'})"
"""Runs the program that its first line of input is. On a cluster, arguments are part of a URL and have to be short."""

_log = logging.getLogger(__name__)


class ClusterUsageMeter:
    """A ``UsageMeter``. The processor time of a node is that since the question before, or of about a second."""

    def __init__(self, *, watch: WatchTask = log_failure) -> None:
        """
        Args:
            watch: notices the failure of a task of this meter.
        """
        self._watch = watch
        self._nodes: dict[str, _NodeHere | _NodeElsewhere] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, node: DeployedNode) -> None:
        """Measure a node from now on, in each of its lives."""
        measured = _NodeElsewhere(node) if node.host.remote else _NodeHere(node)
        self._nodes[node.name] = measured
        self._start(measured.follow(), name=f"measurement of {node.name}")

    def usage(self, node: str) -> NodeUsage:
        measured = self._nodes.get(node)
        reading = None if measured is None else measured.reading()
        if reading is None:
            return NO_USAGE
        return NodeUsage(cpu=reading.cpu, memory_bytes=reading.memory_bytes, disk_bytes=reading.disk_bytes)

    async def close(self) -> None:
        """End the measurements. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None], *, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        self._watch(task)


class _NodeHere:
    """A node of this machine. It is read when somebody asks, which needs no program and wakes nobody."""

    def __init__(self, node: DeployedNode) -> None:
        self._node = node
        self._reader: UsageReader | None = None

    def reading(self) -> Reading | None:
        reader = self._reader_of_this_life()
        return None if reader is None else reader.read(monotonic())

    async def follow(self) -> None:
        """Look at its files now and then; in a thread, because they may be many and the disk slow."""
        while True:
            reader = self._reader_of_this_life()
            if reader is not None:
                await asyncio.to_thread(reader.look_at_files)
            await asyncio.sleep(FILES_SECONDS)

    def _reader_of_this_life(self) -> UsageReader | None:
        if not self._node.running:
            self._reader = None
        elif self._reader is None or self._reader.pid != self._node.host.pid:
            self._reader = UsageReader(self._node.host.pid)
        return self._reader


class _NodeElsewhere:
    """A node in a container or a pod. A program beside it tells what it uses."""

    def __init__(self, node: DeployedNode) -> None:
        self._node = node
        self._latest: Reading | None = None
        self._read_at = 0.0

    def reading(self) -> Reading | None:
        return self._latest if monotonic() - self._read_at <= _VALID_SECONDS else None

    async def follow(self) -> None:
        while True:
            if self._node.running:
                try:
                    await self._follow_life()
                except (NodeControlError, LaunchError, OSError, ValueError) as error:
                    _log.debug("%s cannot be measured: %s", self._node.name, error)
                self._latest = None
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _follow_life(self) -> None:
        """Take what a program beside the node writes, until it ends with the node, or falls silent."""
        host = self._node.host
        program = await asyncio.to_thread(Path(process_usage.__file__).read_text, encoding="utf-8")
        channel = await host.open(host.python, "-I", "-S", "-c", _LOADER, str(host.pid))
        try:
            await channel.write(json.dumps(program).encode())
            while True:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    line = await channel.read()
                if not line:
                    return
                self._latest, self._read_at = _parsed(line), monotonic()
        finally:
            await channel.close()


def _parsed(line: bytes) -> Reading:
    """
    Raises:
        ValueError: something else than the program has written the line, such as an error of ``docker exec``.
    """
    try:
        return Reading(*json.loads(line))
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a reading, got {line[:200]!r}") from error
