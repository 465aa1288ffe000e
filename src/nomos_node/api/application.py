"""HTTP API as an ASGI application: routes, answers to unknown paths and to failures, limits, CORS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from nomos_node.api.answers import Refusal, refusal_answer, text_answer
from nomos_node.api.cors import Cors
from nomos_node.api.limits import HttpLimits, Limits
from nomos_node.api.request_log import RequestLog
from nomos_node.telemetry.traces import NO_TRACES, Tracer
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_http")


def application(
    routes: Sequence[Route],
    limits: HttpLimits,
    cors_origins: Sequence[str] = (),
    *,
    clock: Callable[[], float] = monotonic,
    tracer: Tracer = NO_TRACES,
) -> ASGIApp:
    """Make the application. ``clock`` gives the seconds by which the rate limit counts."""
    starlette = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _empty_answer, Refusal: refusal_answer},
        middleware=[Middleware(ExceptionMiddleware, handlers={Exception: _failure_answer})],
    )
    starlette.router.redirect_slashes = False

    def route_of(path: str) -> Route | None:
        return next((route for route in routes if route.path_regex.match(path)), None)

    def allowed_methods(path: str) -> str | None:
        route = route_of(path)
        return _listed(route.methods or ()) if route else None

    served = RequestLog(Cors(Limits(starlette, limits, clock), cors_origins, allowed_methods))
    if tracer is NO_TRACES:
        return served
    from nomos_node.api.request_spans import RequestSpans

    return RequestSpans(served, tracer, route_of)


async def _empty_answer(request: Request, error: Exception) -> Response:
    """Answer 404 and 405 without a body. 405 names the methods in the order of the real node."""
    assert isinstance(error, HTTPException)
    methods = (error.headers or {}).get("Allow")
    return Response(status_code=error.status_code, headers={"allow": _listed(methods.split(", "))} if methods else {})


async def _failure_answer(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return text_answer(f"internal error: {type(error).__name__}: {error}", 500)


def _listed(methods: Sequence[str] | set[str]) -> str:
    return ",".join(sorted(methods))
