"""The log of a container: its standard output and standard error since it was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nomos_testing.cluster.interfaces import LogMark
from nomos_testing.deployers.compose.docker import CONTAINER_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.surroundings import THIS_MACHINE


@dataclass(frozen=True, slots=True)
class ContainerLogs:
    docker: Docker
    container: str
    now_ns: Callable[[], int] = THIS_MACHINE.now_ns

    @property
    def location(self) -> str:
        return f"docker logs {self.container}"

    async def tail(self, lines: int) -> Sequence[str]:
        return await self._read("--tail", str(lines)) if lines > 0 else []

    async def mark(self) -> LogMark:
        return LogMark({self.container: self.now_ns()})

    async def since(self, mark: LogMark) -> Sequence[str]:
        position = mark.positions.get(self.container)
        if position is None:  # the mark of the log's beginning
            return await self._read()
        seconds, nanoseconds = divmod(position, 1_000_000_000)
        return await self._read("--since", f"{seconds}.{nanoseconds:09}")

    async def _read(self, *options: str) -> list[str]:
        argv = [self.docker.program, "logs", *options, self.container]
        try:
            return (await self.docker.run(argv, timeout=CONTAINER_SECONDS, merged=True)).splitlines()
        except CommandFailed as error:
            return [str(error)]
