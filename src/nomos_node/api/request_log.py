"""Log of requests. DEBUG shows status and duration of each request, TRACE also the bytes in both directions."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nomos_node.telemetry.levels import TRACE
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_http")


class RequestLog:
    """Outermost layer of an application. It logs refused requests too, and the duration includes all work."""

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
    """Request in progress: bytes in and out, status, start time."""

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
