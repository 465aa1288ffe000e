"""Surroundings of a node: everything that it uses of the machine, the network and the clock.

A node makes none of these itself. ``machine.this_machine`` gives the real surroundings. A simulation gives others: a
network in memory, its own clock, a seeded generator of random numbers, and no threads. Monotonic time is not part of
it: it is the time of the event loop that runs the node.

Two things are not part of it and use the real machine: the log, which belongs to the process, and the push of metrics
and traces. A node pushes them only if ``tracing.metrics`` and ``tracing.tracing`` of its configuration ask for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Protocol

from starlette.types import ASGIApp

from nomos_core.config import NodeConfig
from nomos_core.da.encoding import EncodedBlob
from nomos_node.network.peer_network import Network
from nomos_node.network.settings import NetworkSettings
from nomos_node.storage.database import Database
from nomos_node.workers import Worker

_NANOSECONDS: Final = 1_000_000_000


class HttpListeners(Protocol):
    """Both addresses at which a node answers HTTP: that of ``http`` and that of ``testing_http``.

    The addresses are reserved when the object is made. Requests are answered from ``run`` on.
    """

    def offer(self, api: ASGIApp, testing: ASGIApp) -> None:
        """Set the applications that answer. Call it once, before ``run``."""
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
    """Encoder of blobs with many columns. Encoding takes seconds and must not stop the node."""

    async def encode(self, data: bytes) -> EncodedBlob:
        """Encode one blob.

        Raises:
            EncodingError: the data is no blob, or too large for its shares to be sent.
            KzgParamsError: the parameters can't be used.
            EncodingProcessFailed: the encoder ended.
        """
        ...

    async def close(self) -> None:
        """End the encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Surroundings of one node."""

    open_network: Callable[[NetworkSettings, logging.Logger], Network]
    """Makes a network that is not started yet. A node has one, and another one for data availability."""
    open_database: Callable[[Path], Database]
    """Opens the database of a directory, or raises ``StorageError``."""
    open_http: Callable[[NodeConfig], HttpListeners]
    """Reserves the addresses of a configuration, or raises ``AddressUnavailable``."""
    open_worker: Callable[[str, int], Worker]
    """Makes a worker. The arguments are its name and its greatest number of threads."""
    start_encoder: Callable[[Path, int], BlobEncoder]
    """Makes an encoder. The arguments are the file of KZG parameters and the number of columns."""
    now_ns: Callable[[], int]
    """Wall clock, in nanoseconds of the Unix epoch. It decides the slot, and it may jump."""
    rng: Random
    """Random numbers for all draws of the node: peers, samples, orders."""
    environ: Mapping[str, str]
    """Environment variables."""

    def unix_time(self) -> float:
        """Return the wall clock in seconds of the Unix epoch."""
        return self.now_ns() / _NANOSECONDS

    def unix_milliseconds(self) -> int:
        """Return the wall clock in milliseconds of the Unix epoch."""
        return self.now_ns() * 1000 // _NANOSECONDS
