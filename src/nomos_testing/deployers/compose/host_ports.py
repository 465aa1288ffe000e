"""Ports of this machine that a stack publishes by number."""

from __future__ import annotations

import socket
from typing import Final

PROMETHEUS_PORT: Final = 9090


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port at the moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def some_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
