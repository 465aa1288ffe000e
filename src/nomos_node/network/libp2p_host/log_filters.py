"""Undoes what the modules of py-libp2p set up for their own logs, so that the node's log settings decide.

Imported for that effect, before the node's log is set up: a filter that names one of these loggers counts.
"""

from __future__ import annotations

import logging

from libp2p.network import auto_connector
from libp2p.network.connection import swarm_connection
from libp2p.transport.quic import connection


class _FailedDials(logging.Filter):
    """A filter that makes debug lines of errors about peers that do not answer: the node itself logs these dials."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("Failed to establish connection"):
            return True
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
        return connection.logger.isEnabledFor(logging.DEBUG)


auto_connector.logger.setLevel(logging.NOTSET)
connection.logger.addFilter(_FailedDials())
# This module logs through ``logging.debug`` and the like, which puts a handler for stderr on the root logger.
swarm_connection.logging = logging.getLogger("libp2p.network.connection")  # type: ignore[attr-defined, assignment]
