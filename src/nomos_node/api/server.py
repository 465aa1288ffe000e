"""HTTP servers: uvicorn in the node's event loop.

Sockets are bound before the server starts, so a port in use is a clear error.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

from nomos_core.config import NodeConfig

_log = logging.getLogger("nomos_http")
_BACKLOG = 1024
_CLOSING_TIME: Final = 0.3
"""Seconds that answers in progress have when the node ends."""


class AddressUnavailable(Exception):
    """Error: an address can't be listened on. The message names the address and the reason."""


class Listener:
    """Socket on an address of the configuration.

    The address is reserved when the object is made. Connections are refused until ``HttpServer`` runs. ``setting`` is
    the configuration key of the address, for errors.

    Raises:
        AddressUnavailable: the port is in use, or the address is not one of this machine.
    """

    def __init__(self, host: str, port: int, *, setting: str) -> None:
        self._name = f"{setting}: failed to bind to address {host}:{port}"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sets TCP_NODELAY only if the protocol is given as TCP. Without it an answer waits 40 ms for an ACK.
        self.socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._attempt(lambda: self.socket.bind((host, port)))

    def listen(self) -> None:
        """Begin to accept connections.

        Raises:
            AddressUnavailable: another program listens there since.
        """
        self._attempt(lambda: self.socket.listen(_BACKLOG))

    def close(self) -> None:
        self.socket.close()

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self.socket.close()
            reason = "port in use" if error.errno == errno.EADDRINUSE else error.strerror
            raise AddressUnavailable(f"{self._name}: {reason}") from error


class HttpSockets:
    """Both HTTP listeners of a node on real sockets. Implements ``HttpListeners``."""

    def __init__(self, listener: Listener, testing_listener: Listener) -> None:
        self._listeners = (listener, testing_listener)
        self._servers: tuple[HttpServer, ...] = ()

    @classmethod
    def of(cls, config: NodeConfig) -> Self:
        """Bind the addresses of a configuration.

        Raises:
            AddressUnavailable: one of them can't be taken.
        """
        address, testing = config.http.backend_settings.address, config.testing_http.backend_settings.address
        listener = Listener(address.host, address.port, setting="http.backend_settings.address")
        try:
            return cls(listener, Listener(testing.host, testing.port, setting="testing_http.backend_settings.address"))
        except Exception:
            listener.close()
            raise

    def offer(self, api: ASGIApp, testing: ASGIApp) -> None:
        self._servers = tuple(map(HttpServer, (api, testing), self._listeners))

    async def run(self) -> None:
        """Answer requests until cancelled.

        Raises:
            AddressUnavailable: another program listens on one of the addresses.
        """
        serving = [asyncio.ensure_future(server.run()) for server in self._servers]
        try:
            await asyncio.gather(*serving)
        finally:
            for server in self._servers:
                server.stop()
            await asyncio.wait(serving, timeout=_CLOSING_TIME)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


class HttpServer:
    """Uvicorn server for one application on one listener."""

    def __init__(self, app: ASGIApp, listener: Listener) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                ws="none",
            )
        )

    async def run(self) -> None:
        """Answer requests until ``stop`` is called.

        Raises:
            AddressUnavailable: another program listens on the address.
        """
        self._listener.listen()
        _log.info("listening at %s:%d", *self._listener.socket.getsockname()[:2])
        await self._server.serve(sockets=[self._listener.socket])

    def stop(self) -> None:
        """Take no more requests. Answers in progress get a moment to end."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: ``process`` handles them."""
        yield
