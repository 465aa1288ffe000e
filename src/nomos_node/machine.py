"""The real surroundings of a node: sockets, files, threads, child processes and clocks of this machine."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from random import Random

from nomos_core.config import NodeConfig
from nomos_node.network.peer_network import Network
from nomos_node.network.settings import NetworkSettings
from nomos_node.storage.database import ThreadedDatabase
from nomos_node.surroundings import BlobEncoder, HttpListeners, Surroundings
from nomos_node.workers import ThreadWorker


def this_machine() -> Surroundings:
    """Return the surroundings of a node that is a process of its own."""
    return Surroundings(
        open_network=_libp2p_network,
        open_database=ThreadedDatabase.open,
        open_http=_http_sockets,
        open_worker=ThreadWorker,
        start_encoder=_encoding_process,
        now_ns=time.time_ns,
        rng=Random(),
        environ=os.environ,
    )


# These functions import late, so that a node on other surroundings needs neither libp2p nor uvicorn.


def _libp2p_network(settings: NetworkSettings, log: logging.Logger) -> Network:
    from nomos_node.network.service import NetworkService

    return NetworkService(settings, log)


def _http_sockets(config: NodeConfig) -> HttpListeners:
    from nomos_node.api.server import HttpSockets

    return HttpSockets.of(config)


def _encoding_process(params: Path, columns: int) -> BlobEncoder:
    from nomos_node.da.encoding_process import EncodingProcess

    return EncodingProcess(params, columns)
