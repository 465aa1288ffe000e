"""What the HTTP settings limit, CORS, and failures inside a handler; against an application without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from nomos_core.mantle.json_reading import u64
from nomos_node.api.answers import json_answer
from nomos_node.api.application import application
from nomos_node.api.limits import HttpLimits, RateLimit
from nomos_node.api.requests import json_body

_LIMITS = HttpLimits(burst=1000, period=1, concurrent=10, body_size=100, timeout=5)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    text: str


async def _asked(
    app: ASGIApp,
    path: str = "/number",
    *,
    method: str = "POST",
    chunks: Sequence[bytes] = (b"7",),
    headers: Mapping[str, str] | None = None,
    client: str = "10.0.0.1",
) -> _Answer:
    sent: list[Message] = []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
        for index, chunk in enumerate(chunks)
    ]

    async def receive() -> Message:
        return waiting.pop(0) if waiting else await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        sent.append(message)

    given = {"content-type": "application/json", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": (client, 1),
    }
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return _Answer(sent[0]["status"], found, body.decode())


async def _number(request: Request) -> Response:
    return json_answer(await json_body(request, u64))


async def _broken(request: Request) -> Response:
    raise ZeroDivisionError("by design")


async def _slow(request: Request) -> Response:
    await asyncio.sleep(60)
    return Response()


async def _stream(request: Request) -> Response:
    async def lines() -> AsyncIterator[str]:
        for line in range(3):
            await asyncio.sleep(0.05)
            yield f"{line}\n"

    return StreamingResponse(lines())


def _app(limits: HttpLimits = _LIMITS, origins: Sequence[str] = (), **settings: Any) -> ASGIApp:
    routes = [
        Route("/number", _number, methods=["POST"]),
        Route("/broken", _broken),
        Route("/slow", _slow),
        Route("/stream", _stream),
    ]
    return application(routes, limits, origins, **settings)


def _limits(**changes: float) -> HttpLimits:
    return HttpLimits(**{name: getattr(_LIMITS, name) for name in HttpLimits.__slots__} | changes)


async def test_a_client_gets_its_burst_and_then_one_request_a_period() -> None:
    now = [100.0]
    app = _app(_limits(burst=2, period=3), clock=lambda: now[0])
    assert [(await _asked(app)).status for _ in range(3)] == [200, 200, 429]
    assert (await _asked(app, client="10.0.0.2")).status == 200, "each client has its own"
    now[0] += 2
    refused = await _asked(app)
    assert (refused.status, refused.text) == (429, "Too Many Requests! Wait for 1s")
    assert refused.headers["retry-after"] == refused.headers["x-ratelimit-after"] == "1"
    now[0] += 1
    assert [(await _asked(app)).status for _ in range(2)] == [200, 429]


def test_a_period_of_zero_is_no_limit() -> None:
    rate = RateLimit(1, 0, clock=lambda: 0)
    assert [rate.wait_of("a client") for _ in range(100)] == [0] * 100


def test_clients_whose_burst_is_full_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nomos_node.api.limits._MANY_CLIENTS", 10)
    now = [0.0]
    rate = RateLimit(1, 1, clock=lambda: now[0])
    for number in range(1000):
        now[0] += 0.5
        assert rate.wait_of(str(number)) == 0
    assert len(rate._full_at) < 15


async def test_a_body_above_the_limit_is_refused_announced_or_not() -> None:
    app = _app()
    announced = await _asked(app, chunks=[b"1" * 101], headers={"content-length": "101"})
    assert (announced.status, announced.text) == (413, "length limit exceeded")
    assert announced.headers["connection"] == "close"
    assert (await _asked(app, chunks=[b"1" * 60, b"1" * 60])).status == 413
    assert (await _asked(app, chunks=[b" " * 99 + b"1"])).text == "1"


async def test_an_answer_that_takes_too_long_is_a_408_without_body() -> None:
    answer = await _asked(_app(_limits(timeout=0.05)), "/slow", method="GET")
    assert (answer.status, answer.text) == (408, "")


async def test_a_stream_may_last_longer_than_the_timeout() -> None:
    answer = await _asked(_app(_limits(timeout=0.1)), "/stream", method="GET")
    assert (answer.status, answer.text) == (200, "0\n1\n2\n")


async def test_requests_beyond_the_concurrent_ones_wait() -> None:
    app = _app(_limits(concurrent=1, timeout=0.2))
    slow, quick = await asyncio.gather(_asked(app, "/slow", method="GET"), _asked(app))
    assert slow.status == 408
    assert quick.status in {200, 408}


async def test_a_failure_in_a_handler_is_a_500_that_says_why() -> None:
    answer = await _asked(_app(), "/broken", method="GET")
    assert (answer.status, answer.text) == (500, "internal error: ZeroDivisionError: by design")


async def test_only_listed_origins_are_allowed() -> None:
    app = _app(origins=["https://good.example"])
    allowed = await _asked(app, headers={"origin": "https://good.example"})
    other = await _asked(app, headers={"origin": "https://bad.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://good.example"
    assert "access-control-allow-origin" not in other.headers


async def test_a_preflight_names_the_methods_of_known_paths() -> None:
    app = _app()
    known, unknown = [await _asked(app, path, method="OPTIONS") for path in ("/number", "/nope")]
    assert (known.status, known.headers["allow"]) == (200, "POST")
    assert (unknown.status, unknown.headers.get("allow")) == (200, None)
    assert known.headers["access-control-allow-methods"] == "*"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "text"),
    [
        (b"", "application/json", 400, "EOF while parsing a value at line 1 column 0"),
        (b"{not json", "application/json", 400, "key must be a string at line 1 column 2"),
        (b"[1,]", "application/json", 400, "at line 1 column"),
        (b"7 8", "application/json", 400, "trailing characters at line 1 column 3"),
        (b"\xff", "application/json", 400, "invalid"),
        (b"NaN", "application/json", 400, "expected value, got NaN"),
        (b"[" * 90 + b"1", "application/json", 400, "EOF while parsing"),
        (b"-1", "application/json", 422, "invalid value: integer `-1`, expected u64"),
        (b'"7"', "application/problem+json; charset=utf-8", 422, 'invalid type: string "7", expected u64'),
        (b"7", "text/plain", 415, "Expected request with `Content-Type: application/json`"),
        (b"7", "", 415, "Expected request with"),
    ],
)
async def test_bodies_that_are_refused(body: bytes, content_type: str, status: int, text: str) -> None:
    answer = await _asked(_app(), chunks=[body], headers={"content-type": content_type})
    assert answer.status == status
    assert text in answer.text


async def test_deeply_nested_and_enormous_numbers_do_no_harm() -> None:
    app = _app(_limits(body_size=1 << 20))
    for body in (b"[" * 100_000 + b"]" * 100_000, b"9" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000):
        assert (await _asked(app, chunks=[body])).status in {400, 422}
