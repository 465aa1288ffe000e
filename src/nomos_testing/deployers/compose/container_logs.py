"""A container's log: what it wrote to standard output and standard error since it was made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nomos_testing.cluster.interfaces import LogMark
from nomos_testing.deployers.compose.docker import CONTAINER_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed


@dataclass(frozen=True, slots=True)
class ContainerLogs:
    docker: Docker
    container: str

    @property
    def location(self) -> str:
        return f"docker logs {self.container}"

    async def tail(self, lines: int) -> Sequence[str]:
        return await self._read("--tail", str(lines)) if lines > 0 else []

    async def mark(self) -> LogMark:
        return LogMark({self.container: time.time_ns()})

    async def since(self, mark: LogMark) -> Sequence[str]:
        seconds, nanoseconds = divmod(mark.positions[self.container], 1_000_000_000)
        return await self._read("--since", f"{seconds}.{nanoseconds:09}")

    async def save(self, file: Path) -> None:
        """Append all of it to a file."""
        lines = await self._read()
        with file.open("a", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in lines)

    async def _read(self, *options: str) -> list[str]:
        argv = [self.docker.program, "logs", *options, self.container]
        try:
            return (await self.docker.run(argv, timeout=CONTAINER_SECONDS, merged=True)).splitlines()
        except CommandFailed as error:
            return [str(error)]
