"""Log lines as GELF 1.1 messages over UDP, for a Graylog server: ``tracing.logger: !Gelf {addr}``."""

from __future__ import annotations

import json
import logging
import socket
import zlib
from typing import Final

from nomos_node.telemetry.levels import shown_level

_SYSLOG_LEVELS: Final = {"ERROR": 3, "WARN": 4, "INFO": 6, "DEBUG": 7, "TRACE": 7}
_LARGEST_DATAGRAM: Final = 8192
"""Bytes. Longer messages are cut: they are not sent in chunks."""


class GelfHandler(logging.Handler):
    """Log handler that sends GELF messages over UDP.

    Raises:
        OSError: the host of the address is unknown.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._address = address
        self._socket = socket.socket(family, kind)
        self._host = socket.gethostname()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._socket.sendto(self._message(record), self._address)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _message(self, record: logging.LogRecord) -> bytes:
        level = shown_level(record.levelno)
        fields = {
            "version": "1.1",
            "host": self._host,
            "short_message": record.getMessage()[:_LARGEST_DATAGRAM],
            "timestamp": record.created,
            "level": _SYSLOG_LEVELS.get(level, 6),
            "_target": record.name,
        }
        return zlib.compress(json.dumps(fields).encode())
