"""Cross-origin requests: allow any origin, or those of ``cors_origins``. Every OPTIONS request is a preflight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_VARY: Final = "origin, access-control-request-method, access-control-request-headers"
_PREFLIGHT: Final = {"access-control-allow-methods": "*", "access-control-allow-headers": "content-type,user-agent"}


class Cors:
    """ASGI layer that adds the CORS headers.

    ``allowed_methods`` names the methods of a path for the answer to a preflight. It gives None for unknown paths.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str], allowed_methods: Callable[[str], str | None]) -> None:
        self._app = app
        self._origins = origins
        self._allowed_methods = allowed_methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._allow(Headers(scope=scope), MutableHeaders(scope=message))
            await send(message)

        app: ASGIApp = self._preflight(scope["path"]) if scope["method"] == "OPTIONS" else self._app
        await app(scope, receive, send_with_headers)

    def _allow(self, request: Headers, response: MutableHeaders) -> None:
        response["vary"] = _VARY
        origin = request.get("origin", "")
        if not self._origins:
            response["access-control-allow-origin"] = "*"
        elif origin in self._origins:
            response["access-control-allow-origin"] = origin

    def _preflight(self, path: str) -> Response:
        methods = self._allowed_methods(path)
        return Response(headers=_PREFLIGHT | ({"allow": methods} if methods else {}))
