"""Notices at once when a container of a stack ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.runtime.background import WatchTask, log_failure
from nomos_testing.surroundings import THIS_MACHINE

_SIGNAL_BASE = 128


class ContainerEnds:
    """Reports the ends of a stack's containers, and calls ``lost`` once if it can no longer do so."""

    def __init__(
        self,
        docker: Docker,
        project: str,
        *,
        lost: Callable[[], None],
        unix_time: Callable[[], float] = THIS_MACHINE.unix_time,
        watch: WatchTask = log_failure,
    ) -> None:
        self._docker = docker
        self._project = project
        self._lost = lost
        self._unix_time = unix_time
        self._watch = watch
        self._channel: LineChannel | None = None
        self._reading: asyncio.Task[None] | None = None
        self._callbacks: dict[str, Callable[[int], None]] = {}

    def call(self, container: str, ended: Callable[[int], None]) -> None:
        """Call ``ended`` with the exit code whenever this container ends. This replaces an earlier callback."""
        self._callbacks[container] = ended

    async def start(self) -> None:
        """Report all ends from now on, also those before the daemon answers."""
        since = f"{self._unix_time():.6f}"
        filters = ("--filter", f"label={RUN_LABEL}={self._project}", "--filter", "event=die")
        self._channel = await self._docker.open("events", "--since", since, *filters, "--format", "{{json .}}")
        self._reading = asyncio.create_task(self._read(self._channel), name="ends of containers")
        self._watch(self._reading)

    async def close(self) -> None:
        """Report nothing more. Idempotent."""
        channel, reading, self._reading = self._channel, self._reading, None
        if channel is None or reading is None:
            return
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await channel.close()

    async def _read(self, channel: LineChannel) -> None:
        while line := await channel.read():
            attributes = json.loads(line)["Actor"]["Attributes"]
            if (ended := self._callbacks.get(attributes["name"])) is not None:
                ended(int(attributes["exitCode"]))
        self._lost()


def as_process_status(exit_code: int) -> int:
    """Convert Docker's exit code to that of ``subprocess``: negative for a signal. Docker adds 128 to its number."""
    return _SIGNAL_BASE - exit_code if exit_code > _SIGNAL_BASE else exit_code
