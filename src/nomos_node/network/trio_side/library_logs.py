"""Keeps the logs of py-libp2p and aioquic where they belong."""

from __future__ import annotations

import logging

from libp2p.network.connection import swarm_connection

_TRACE = 5
_LIBRARIES = ("libp2p", "multiaddr", "quic")


def quiet_library_logs() -> None:
    """Silence the libraries unless the target ``chain_network`` is logged at trace level.

    What they call errors are peers that come and go; what matters of it is logged by this package.
    """
    level = logging.DEBUG if logging.getLogger("chain_network").isEnabledFor(_TRACE) else logging.CRITICAL
    for name in _LIBRARIES:
        library_logger = logging.getLogger(name)
        library_logger.setLevel(level)
        library_logger.propagate = True
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _LIBRARIES and name not in _LIBRARIES:
            logging.getLogger(name).setLevel(logging.NOTSET)  # some modules set a level of their own
    # This module logs through ``logging.debug`` and the like, which puts a handler for stderr on the root logger.
    swarm_connection.logging = logging.getLogger("libp2p.network.connection")  # type: ignore[attr-defined, assignment]
