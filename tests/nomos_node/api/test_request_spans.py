"""Spans of requests, against an application without a socket: one for each, named after its route."""

from __future__ import annotations

import time

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from nomos_core.telemetry.span_kind import SpanKind
from nomos_core.telemetry.spans import Span, SpanLink
from nomos_node.api.answers import Refusal
from nomos_node.api.application import application
from nomos_node.api.limits import HttpLimits
from nomos_node.telemetry.recording import RecordingTracer, SpanQueue
from nomos_node.telemetry.traces import about_transaction

_LIMITS = HttpLimits(burst=1000, period=1, concurrent=10, body_size=100, timeout=5)


async def _spans_of(path: str) -> dict[str, Span]:
    """Ask for a path; return the spans by name."""
    queue = SpanQueue()
    tracer = RecordingTracer(queue, service_name="validator-0", sample_ratio=1.0, now_ns=time.time_ns)

    async def balance(request: Request) -> Response:
        with tracer.span("wallet.balance"), tracer.span("mempool.admission", about_transaction(5)):
            return Response(status_code=200)

    async def refusing(request: Request) -> Response:
        raise Refusal(500, "Item already in mempool")

    async def failing(request: Request) -> Response:
        raise KeyError("missing")

    routes = [Route("/wallet/{key}/balance", balance), Route("/refusing", refusing), Route("/failing", failing)]
    app = application(routes, _LIMITS, tracer=tracer)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        """Drop the answer."""

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "client": ("::1", 1)}
    await app(scope, receive, send)
    return {span.name: span for span in queue.take(10)}


async def test_a_request_is_named_after_its_route_and_has_what_was_done_for_it_as_parts() -> None:
    spans = await _spans_of("/wallet/ab12/balance")
    request = spans["GET /wallet/{key}/balance"]
    assert request.kind is SpanKind.SERVER
    assert request.attributes == {
        "http.request.method": "GET",
        "url.path": "/wallet/ab12/balance",
        "http.response.status_code": 200,
    }
    assert spans["wallet.balance"].parent_id == request.span_id
    assert spans["mempool.admission"].links == (SpanLink(request.trace_id, spans["wallet.balance"].span_id),)


async def test_a_path_without_a_route_does_not_name_a_span() -> None:
    (span,) = (await _spans_of("/what/ever")).values()
    assert (span.name, span.attributes["http.response.status_code"], span.error) == ("GET", 404, None)


@pytest.mark.parametrize("path", ["/refusing", "/failing"])
async def test_an_answer_of_the_fifth_hundred_is_a_failure(path: str) -> None:
    (span,) = (await _spans_of(path)).values()
    assert (span.name, span.error) == (f"GET {path}", "status 500")
