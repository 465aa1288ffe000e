"""One line for each request: at DEBUG its status and how long it took, at TRACE how many bytes went either way."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nomos_node.telemetry.levels import TRACE
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_http")


class RequestLog:
    """The outermost layer of an application: refusals are logged too, and the time includes all work."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _log.isEnabledFor(logging.DEBUG):
            await self._app(scope, receive, send)
            return
        request = _LoggedRequest(receive, send)
        try:
            await self._app(scope, request.receive, request.send)
        finally:
            request.log(f"{scope['method']} {scope['path']}")


class _LoggedRequest:
    """One request on its way: what came, what was answered, when it began."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._began = monotonic()
        self._status: int | None = None
        """None until the answer begins."""
        self._bytes_in = self._bytes_out = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        self._status = message.get("status", self._status)
        self._bytes_out += len(message.get("body", b""))
        await self._send(message)

    def log(self, request: str) -> None:
        milliseconds = (monotonic() - self._began) * 1000
        _log.debug("%s: %s in %.1f ms", request, self._status or "no answer", milliseconds)
        _log.log(TRACE, "%s: %d bytes in, %d bytes out", request, self._bytes_in, self._bytes_out)
