"""A local node's log: what it wrote to its log file, its standard output and its standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STDOUT_NAME = "stdout.log"
STDERR_NAME = "stderr.log"
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogFiles:
    directory: Path
    """The node's own directory: standard output and error, and its log files where it has no other place."""
    elsewhere: Path | None = None
    """Directory of log files that several nodes share."""
    prefix: str = "__logs"
    """What the node's log files begin with; the hour of the day follows."""

    @property
    def location(self) -> str:
        return str(self.elsewhere / f"{self.prefix}*" if self.elsewhere else self.directory)

    async def tail(self, lines: int) -> Sequence[str]:
        """The last lines of the newest log file, then of standard output, then of standard error."""
        return await asyncio.to_thread(self.read_tail, lines)

    def read_tail(self, lines: int) -> list[str]:
        return [line for path in self._files() for line in _last_lines(path, lines)]

    def _files(self) -> Iterator[Path]:
        logs = sorted((self.elsewhere or self.directory).glob(f"{self.prefix}*"))
        yield from logs[-1:]
        for name in (STDOUT_NAME, STDERR_NAME):
            path = self.directory / name
            if path.is_file():
                yield path


def _last_lines(path: Path, lines: int) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []
