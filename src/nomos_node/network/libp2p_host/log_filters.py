"""Filters for the logs of py-libp2p: they undo the library's own log setup, so that the node's log settings decide.

Import this module before the node's log is set up, so that a filter of the configuration for these loggers counts.
"""

from __future__ import annotations

import logging

from libp2p.network import auto_connector
from libp2p.network.connection import swarm_connection
from libp2p.transport.quic import connection


class _FailedDials(logging.Filter):
    """Filter that lowers errors about peers that do not answer to DEBUG. The node logs these dials itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("Failed to establish connection"):
            return True
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
        return connection.logger.isEnabledFor(logging.DEBUG)


auto_connector.logger.setLevel(logging.NOTSET)
connection.logger.addFilter(_FailedDials())
# This module calls ``logging.debug`` and the like, which add a handler for stderr to the root logger.
swarm_connection.logging = logging.getLogger("libp2p.network.connection")  # type: ignore[attr-defined, assignment]
