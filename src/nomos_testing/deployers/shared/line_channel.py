"""Programs that take requests in lines and answer in lines: the relay, a prober, a fork server, ``docker events``.

The other end may be a process of this machine, a program in a container or one in a pod. Only the code that opens a
channel knows which.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from nomos_testing.deployers.shared.death_signal import die_with_parent
from nomos_testing.deployers.shared.errors import described_status

LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes. The relay's counters of a large network are one line."""


class LineChannel(Protocol):
    @property
    def name(self) -> str:
        """Name of the other end in messages: ``pid 123``."""
        ...

    async def write(self, line: bytes) -> None:
        """Send a line, given without its end. Does nothing after the end of the program, which ``read`` tells."""
        ...

    async def read(self) -> bytes:
        """Return the next line; empty once the program has ended."""
        ...

    async def ended(self) -> str:
        """Wait for the end of the program and return its status: ``exit code 0``, ``killed by SIGKILL``."""
        ...

    async def close(self, *, grace: float = 0.0) -> None:
        """Close the program's input and kill the program if it still runs after ``grace`` seconds. Idempotent."""
        ...


class ProcessChannel:
    """A ``LineChannel`` to a process of this machine."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._input, self._output = process, process.stdin, process.stdout

    @classmethod
    async def open(
        cls, argv: Sequence[str], *, environ: Mapping[str, str] | None = None, stderr: Path | None = None
    ) -> ProcessChannel:
        """Start a process that ends when this one does.

        Args:
            environ: the process's environment; that of this process by default.
            stderr: the file that its standard error is appended to; nowhere by default.

        Raises:
            OSError: the program cannot be started.
        """
        descriptor = os.open(stderr or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=descriptor,
                limit=LONGEST_LINE,
                env=None if environ is None else dict(environ),
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        finally:
            os.close(descriptor)
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def name(self) -> str:
        return f"pid {self.pid}"

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def write(self, line: bytes) -> None:
        with suppress(ConnectionError):
            self._input.write(line + b"\n")
            await self._input.drain()

    async def read(self) -> bytes:
        return await self._output.readline()

    async def ended(self) -> str:
        return described_status(await self._process.wait())

    async def close(self, *, grace: float = 0.0) -> None:
        self._input.close()
        if grace > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._process.wait()
        if self.running:
            with suppress(ProcessLookupError):  # it ended in this moment
                self._process.kill()
        await self._process.wait()
