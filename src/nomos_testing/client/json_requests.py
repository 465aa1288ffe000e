"""Requests with JSON in and JSON or JSON lines out. Every failure is a ``NodeClientError``."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from nomos_testing.client.errors import NodeAnswerInvalid, NodeClientError, NodeRefused, NodeUnreachable
from nomos_testing.client.transport import Transport, TransportError

T = TypeVar("T")

_UNSET = object()

_log = logging.getLogger(__name__)


class JsonRequests:
    """Asks one node over its transport."""

    def __init__(self, node: str, transport: Transport, timeout: float) -> None:
        self._node = node
        self._transport = transport
        self.timeout = timeout
        """Seconds that a request may take, unless the call has its own timeout."""

    async def ask(
        self,
        method: str,
        url: str,
        read: Callable[[Any], T],
        *,
        body: Any = _UNSET,
        timeout: float | None = None,
    ) -> T:
        """Send one request and read its JSON answer with ``read``.

        Raises:
            NodeUnreachable, NodeRefused, NodeAnswerInvalid: see there.
        """
        request = _described(method, url)
        with self._failure_logged(method, url):
            text = (await self._fetch(method, url, body=body, timeout=timeout)).decode(errors="replace")
            try:
                return read(json.loads(text))
            except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
                raise NodeAnswerInvalid(self._node, request, f"{_explained(error)} in {_shortened(text)}") from error

    async def fetch(self, method: str, url: str, *, body: Any = _UNSET, timeout: float | None = None) -> bytes:
        """Send one request and return the answer's body as it came."""
        with self._failure_logged(method, url):
            return await self._fetch(method, url, body=body, timeout=timeout)

    async def all_lines(self, method: str, url: str, read: Callable[[Any], T], *, body: Any) -> tuple[T, ...]:
        """Send one request and read its answer of JSON lines, which may be of any length, to the end."""
        request = _described(method, url)
        with self._failure_logged(method, url):
            content = await self._fetch(method, url, body=body, timeout=None)
            return tuple(self._read_line(line, read, request) for line in content.splitlines() if line.strip())

    async def lines(self, url: str, read: Callable[[Any], T]) -> AsyncIterator[T]:
        """Follow a stream of JSON lines until the node or the caller ends it."""
        request = _described("GET", url)
        with self._failure_logged("GET", url):
            try:
                async with self._transport.stream(url) as answer:
                    if answer.status != 200:
                        body = b"".join([line async for line in answer.lines])
                        raise NodeRefused(self._node, request, answer.status, body.decode(errors="replace"))
                    async for line in answer.lines:
                        yield self._read_line(line, read, request)
            except TransportError as error:
                raise NodeUnreachable(self._node, request, str(error)) from error

    async def close(self) -> None:
        await self._transport.close()

    async def _fetch(self, method: str, url: str, *, body: Any, timeout: float | None) -> bytes:
        request, seconds = _described(method, url), self.timeout if timeout is None else timeout
        payload = None if body is _UNSET else json.dumps(body).encode()
        try:
            async with asyncio.timeout(seconds):
                answer = await self._transport.send(method, url, payload)
        except TimeoutError:
            raise NodeUnreachable(self._node, request, f"no answer within {seconds:g} s") from None
        except TransportError as error:
            raise NodeUnreachable(self._node, request, str(error)) from error
        if not 200 <= answer.status < 300:
            raise NodeRefused(self._node, request, answer.status, answer.body.decode(errors="replace"))
        return answer.body

    @contextmanager
    def _failure_logged(self, method: str, url: str) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        except NodeClientError as error:
            spent, reason = 1000 * (loop.time() - began), _shortened(error.reason)
            _log.debug("%s: %s %s failed after %.1f ms: %s", self._node, method, url, spent, reason)
            raise

    def _read_line(self, line: bytes, read: Callable[[Any], T], request: str) -> T:
        try:
            return read(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{_explained(error)} in {_shortened(line.decode(errors='replace'))}"
            raise NodeAnswerInvalid(self._node, request, reason) from error


def _described(method: str, url: str) -> str:
    path = url.partition("://")[2].partition("/")[2]
    return f"{method} /{path}"


def _explained(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"missing key {error}"
    return str(error) or type(error).__name__


def _shortened(text: str, limit: int = 200) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "...")
