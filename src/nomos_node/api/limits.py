"""Limits of the HTTP settings: requests of one client, requests at the same time, size of a body, time to answer.

The rate limit is that of the real node. A client may send ``burst`` requests at once and gets one back every
``rate_limit_per_second`` seconds. The name of the setting is misleading: it is a period, not a rate.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nomos_node.api.answers import Refusal, answer_to, text_answer

_MANY_CLIENTS = 10_000


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Values of the limits."""

    burst: int
    period: float
    """Seconds after which a client gets back one request of its burst. 0 means no limit."""
    concurrent: int
    body_size: int
    """Bytes."""
    timeout: float
    """Seconds until the answer has begun."""


class Limits:
    """ASGI layer that refuses what exceeds the limits."""

    def __init__(self, app: ASGIApp, limits: HttpLimits, clock: Callable[[], float]) -> None:
        self._app = app
        self._limits = limits
        self._rate = RateLimit(limits.burst, limits.period, clock)
        self._free = asyncio.Semaphore(limits.concurrent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        client = scope.get("client")
        if wait := self._rate.wait_of(client[0] if client else ""):
            seconds = str(math.ceil(wait))
            answer = text_answer(f"Too Many Requests! Wait for {seconds}s", 429)
            answer.headers.update({"retry-after": seconds, "x-ratelimit-after": seconds})
            return answer
        length = Headers(scope=scope).get("content-length", "")
        too_large = length.isdigit() and int(length) > self._limits.body_size
        return answer_to(_body_too_large()) if too_large else None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in time. The limits hold until the answer begins. A stream may go on for longer."""
        started = asyncio.Event()
        bounded = _BoundedBody(receive, self._limits.body_size)
        try:
            async with asyncio.timeout(self._limits.timeout) as deadline, self._free:

                async def send_and_note(message: Message) -> None:
                    started.set()
                    deadline.reschedule(None)
                    await send(message)

                await self._app(scope, bounded, send_and_note)
        except TimeoutError:
            if started.is_set():
                raise
            await Response(status_code=408)(scope, receive, send)


class _BoundedBody:
    """Body of a request that did not announce its length. Reading more than the limit raises ``Refusal``."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _body_too_large()
        return message


class RateLimit:
    """Bucket of ``burst`` requests for each client. One request flows back every ``period`` seconds."""

    def __init__(self, burst: int, period: float, clock: Callable[[], float]) -> None:
        self._tolerance = max(burst, 1) * period
        self._period = period
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait_of(self, client: str) -> float:
        """Take one request of a client. Return 0, or the seconds to wait when the client has none left."""
        now = self._clock()
        full_at = max(self._full_at.get(client, now), now) + self._period
        if (wait := full_at - now - self._tolerance) > 0:
            return wait
        if len(self._full_at) > _MANY_CLIENTS:
            self._full_at = {known: time for known, time in self._full_at.items() if time > now}
        self._full_at[client] = full_at
        return 0


def _body_too_large() -> Refusal:
    return Refusal(413, "length limit exceeded")
