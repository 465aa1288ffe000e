"""The surroundings of a node: everything it uses of the machine, the network and the time it lives in.

A node makes none of this by itself. ``machine.this_machine`` gives the real surroundings. A simulation gives others: a
network in memory, a clock of its own, a seeded source of chance, and no threads. Monotonic time is not listed here: it
is the time of the event loop that runs the node.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from starlette.types import ASGIApp

from nomos_core.config import NodeConfig
from nomos_core.da.encoding import EncodedBlob
from nomos_node.network.peer_network import Network
from nomos_node.network.settings import NetworkSettings
from nomos_node.storage.database import Database
from nomos_node.workers import Worker


class HttpListeners(Protocol):
    """The two addresses at which a node answers HTTP: that of ``http`` and that of ``testing_http``.

    Whoever makes it has the addresses reserved; requests are answered from ``run`` on.
    """

    def offer(self, api: ASGIApp, testing: ASGIApp) -> None:
        """Set the applications that answer. Called once, before ``run``."""
        ...

    async def run(self) -> None:
        """Answer requests until cancelled.

        Raises:
            AddressUnavailable: another program listens on one of the addresses.
        """
        ...

    def close(self) -> None:
        """Free the addresses."""
        ...


class BlobEncoder(Protocol):
    """Encodes blobs of many columns, which takes seconds and must not stop the node meanwhile."""

    async def encode(self, data: bytes) -> EncodedBlob:
        """
        Raises:
            EncodingError: the data is no blob, or too large for its shares to be sent.
            KzgParamsError: the parameters can't be used.
            EncodingProcessFailed: the encoder ended.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The argument of ``Node`` that stands for the world around it."""

    open_network: Callable[[NetworkSettings, logging.Logger], Network]
    """Makes a network that is not started yet. A node has one, and a second one for data availability."""
    open_database: Callable[[Path], Database]
    """Opens the database of a directory, or raises ``StorageError``."""
    open_http: Callable[[NodeConfig], HttpListeners]
    """Reserves the addresses of a configuration, or raises ``AddressUnavailable``."""
    open_worker: Callable[[str, int], Worker]
    """Makes a worker by its name and the most threads it may use."""
    start_encoder: Callable[[Path, int], BlobEncoder]
    """Makes an encoder from the file of KZG parameters and the number of columns."""
    now_ns: Callable[[], int]
    """The wall clock, in nanoseconds of the Unix epoch. Slots follow from it, and it may jump."""
    chance: Random
    """The source of all that a node draws by lot: peers, samples, orders."""
    environ: Mapping[str, str]
    """The environment variables."""
