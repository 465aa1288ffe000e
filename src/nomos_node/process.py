"""Node as a process: title, log, prover, signals that end it, and error messages when it can't run."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from typing import Final

from setproctitle import setproctitle

from nomos_core.config import NodeConfig
from nomos_core.proofs.prover import Prover
from nomos_core.proofs.selection import ProverUnavailable, select_prover
from nomos_node import settings
from nomos_node.api.server import AddressUnavailable
from nomos_node.chain.genesis import GenesisRefused
from nomos_node.chain.recovery import RecoveryError
from nomos_node.da.settings import DaSettingError
from nomos_node.network.errors import NetworkError
from nomos_node.node import Node
from nomos_node.storage.database import StorageError
from nomos_node.sync.initial_download import InitialDownloadFailed
from nomos_node.telemetry.log_setup import LogSetupError, install_logging

_log = logging.getLogger("nomos_node")
_CLOSING_TIME: Final = 0.8
"""Seconds that a node gets to close after a signal. Then the process ends. The database is safe at any moment."""

_KNOWN_FAILURES: Final = (
    settings.UnsupportedSetting,
    AddressUnavailable,
    DaSettingError,
    GenesisRefused,
    InitialDownloadFailed,
    NetworkError,
    RecoveryError,
    StorageError,
)


def run_node(config: NodeConfig, *, title: str) -> int:
    """Run a node until it is told to end. Return the exit code."""
    setproctitle(title)
    try:
        install_logging(settings.log_settings(config.tracing))
        prover = select_prover(os.environ)
    except (LogSetupError, ProverUnavailable) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    _announce(config, prover)
    try:
        asyncio.run(_run(config, prover))
    except Exception as error:
        return _failed(error)
    finally:
        logging.shutdown()
    return 0


def _announce(config: NodeConfig, prover: Prover) -> None:
    print(f"prover: {prover.name}", flush=True)
    _log.info("prover: %s", prover.name)
    if prover.name == "development":
        _log.warning("Proofs are being generated in dev mode. This should never be used in production.")
    for key in config.unknown_keys:
        _log.warning("Unrecognized field in config: %s", key)
    if config.tracing.console is not None:
        _log.warning("tracing.console: this node has no Tokio console")
    _log.info("time: following the system's clock, not %s", config.time.backend.ntp_server)


async def _run(config: NodeConfig, prover: Prover) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopping, number)
    async with Node(config, prover) as node:
        running = asyncio.create_task(node.run())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stopping.is_set():
            await _cancelled(running)
        else:
            await running
    _log.info("the node has ended")


async def _cancelled(running: asyncio.Task[None]) -> None:
    """Cancel a node. A failure of a service during the end is no failure of the node."""
    running.cancel()
    await asyncio.wait({running})
    if not running.cancelled() and (error := running.exception()):
        _log.debug("a service failed while it was ended", exc_info=error)


def _stop(stopping: asyncio.Event, number: int) -> None:
    if stopping.is_set():
        return
    _log.info("received %s, ending", signal.Signals(number).name)
    stopping.set()
    threading.Thread(target=_end_in_time, name="closing time", daemon=True).start()


def _end_in_time() -> None:
    """End the process after the closing time, even if a thread or a peer does not let go."""
    threading.Event().wait(_CLOSING_TIME)
    logging.shutdown()
    os._exit(0)


def _failed(failure: Exception) -> int:
    for error in _leaves(failure):
        if isinstance(error, _KNOWN_FAILURES):
            text = str(error)
            _log.error("%s", text)
        else:
            text = f"{type(error).__name__}: {error}"
            _log.critical("the node failed", exc_info=error)
        print(f"Error: {text}", file=sys.stderr)
    return 1


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
