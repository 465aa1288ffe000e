"""Spans of requests, for a node that makes traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nomos_core.telemetry.span_kind import SpanKind
from nomos_node.telemetry.traces import Tracer

_FIRST_FAILURE: Final = 500


class RequestSpans:
    """Outermost layer of an application that makes a span of each request.

    ``route_of`` finds the route of a path. Its pattern, and not the path, is in the span's name, so that there are few
    names.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer, route_of: Callable[[str], Route | None]) -> None:
        self._app = app
        self._tracer = tracer
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        route = self._route_of(path)
        name = method if route is None else f"{method} {route.path}"
        with self._tracer.span(name, kind=SpanKind.SERVER) as span:
            span.note(**{"http.request.method": method, "url.path": path})

            async def send_and_note(message: Message) -> None:
                status = message.get("status")
                if status is not None:
                    span.note(**{"http.response.status_code": status})
                    if status >= _FIRST_FAILURE:
                        span.fail(f"status {status}")
                await send(message)

            await self._app(scope, receive, send_and_note)
