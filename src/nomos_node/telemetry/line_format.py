"""Format of log lines: ``2025-12-12T16:19:24.123456Z  INFO nomos_node: message``, in UTC, without colour codes."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

from nomos_node.telemetry.levels import shown_level

_LEVEL_WIDTH: Final = 5


class LineFormat(logging.Formatter):
    """Formatter. A line break in a message is escaped, so that one event is one line. Tracebacks keep their lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return f"{time} {shown_level(record.levelno):>{_LEVEL_WIDTH}} {record.name}: {message}"
