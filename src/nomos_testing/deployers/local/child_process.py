"""A process of a node. It has its own session, is watched through a pidfd, and is ended with its group."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nomos_testing.deployers.shared.errors import LaunchError, described_status

__all__ = ["ChildProcess", "Collect", "Command", "LaunchError", "Launcher", "described_status"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Command:
    argv: tuple[str, ...]
    cwd: Path
    stdout: Path
    """Appended to, as ``stderr``."""
    stderr: Path
    env: Mapping[str, str]


class ChildProcess:
    """A running process that leads its own group.

    It need not be our child: a pidfd tells of the end of any process. ``collect`` gives its exit code then: negative
    for a signal, as in ``subprocess``; None where nobody knows.
    """

    def __init__(self, pid: int, collect: Collect) -> None:
        self.pid = pid
        self._collect = collect
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int | None] = self._loop.create_future()
        self._collecting: asyncio.Task[None] | None = None
        self._descriptor: int | None = None
        self._watch()

    @property
    def running(self) -> bool:
        return not self._exited.done()

    async def wait(self) -> int | None:
        """Return its exit code when it has ended."""
        return await asyncio.shield(self._exited)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group. Do nothing if the group has ended."""
        _log.debug("%s to the group of process %d", number.name, self.pid)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)
            return
        # Just forked, it may not lead its group yet; or it has ended, which we are about to hear.
        if self._descriptor is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    async def end(self, *, grace: float) -> None:
        """Send SIGTERM, after ``grace`` seconds SIGKILL, and return when the process has ended."""
        if grace > 0:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)  # a paused process would not see the SIGTERM
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.wait()
        # What it may have left behind in its group goes too.
        self.send(signal.SIGKILL)
        await self.wait()

    def _watch(self) -> None:
        try:
            self._descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            self._start_collecting()
        else:
            self._loop.add_reader(self._descriptor, self._on_exit, self._descriptor)

    def _on_exit(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._descriptor = None
        os.close(descriptor)
        self._start_collecting()

    def _start_collecting(self) -> None:
        self._collecting = asyncio.create_task(self._finish(), name=f"exit status of process {self.pid}")

    async def _finish(self) -> None:
        self._exited.set_result(await self._collect())


class Collect(Protocol):
    """Gives the exit code of a process that has ended."""

    async def __call__(self) -> int | None: ...


class Launcher(Protocol):
    async def launch(self, command: Command) -> ChildProcess:
        """
        Raises:
            LaunchError: with the program and the reason.
        """
        ...

    async def close(self) -> None: ...
