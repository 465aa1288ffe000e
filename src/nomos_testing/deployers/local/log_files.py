"""The log of a local node: its log files, its standard output and its standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nomos_testing.cluster.interfaces import LogMark
from nomos_testing.deployers.shared.log_reading import last_lines, lines_from

STDOUT_NAME = "stdout.log"
STDERR_NAME = "stderr.log"


@dataclass(frozen=True, slots=True)
class LogFiles:
    directory: Path
    """The node's own directory: standard output and error, and its log files where it has no other place."""
    elsewhere: Path | None = None
    """Directory of log files that several nodes share."""
    prefix: str = "__logs"
    """Beginning of the names of the node's log files. The hour of the day follows."""

    @property
    def location(self) -> str:
        return str(self.elsewhere / f"{self.prefix}*" if self.elsewhere else self.directory)

    async def tail(self, lines: int) -> Sequence[str]:
        """Return the last lines of the newest log file, then of standard output, then of standard error."""
        return await asyncio.to_thread(self.read_tail, lines)

    def read_tail(self, lines: int) -> list[str]:
        return [line for path in self._files() for line in last_lines(path, lines)]

    async def mark(self) -> LogMark:
        return LogMark({str(path): path.stat().st_size for path in self.files()})

    async def since(self, mark: LogMark) -> Sequence[str]:
        """Return the lines of each file in turn."""
        return await asyncio.to_thread(self._read_since, mark)

    def _read_since(self, mark: LogMark) -> list[str]:
        return [line for path in self.files() for line in lines_from(path, mark.positions.get(str(path), 0))]

    def _files(self) -> Iterator[Path]:
        """Yield the newest log file, standard output, standard error."""
        yield from self._log_files()[-1:]
        yield from self._standard_streams()

    def files(self) -> Iterator[Path]:
        """Yield every file of the log: log files by name, standard output, standard error."""
        yield from self._log_files()
        yield from self._standard_streams()

    def _log_files(self) -> list[Path]:
        return sorted((self.elsewhere or self.directory).glob(f"{self.prefix}*"))

    def _standard_streams(self) -> Iterator[Path]:
        for name in (STDOUT_NAME, STDERR_NAME):
            path = self.directory / name
            if path.is_file():
                yield path
