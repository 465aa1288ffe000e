"""Log files, one for each hour: ``<prefix>.YYYY-MM-DD-HH`` (UTC), for ``!File {directory, prefix}``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

DEFAULT_PREFIX = "nomos.log"


class HourlyFileHandler(logging.Handler):
    """Log handler that appends each line to the file of its hour. A missing directory is created.

    Raises:
        OSError: the directory can't be made or the file can't be opened.
    """

    def __init__(self, directory: Path, prefix: str) -> None:
        super().__init__()
        self._directory = directory
        self._prefix = prefix
        directory.mkdir(parents=True, exist_ok=True)
        self._hour = _hour_of(datetime.now(UTC).timestamp())
        self._file = self._opened(self._hour)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            hour = _hour_of(record.created)
            if hour > self._hour:
                self._file.close()
                self._file, self._hour = self._opened(hour), hour
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _opened(self, hour: str) -> IO[str]:
        return (self._directory / f"{self._prefix}.{hour}").open("a", encoding="utf-8")


def _hour_of(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d-%H")
