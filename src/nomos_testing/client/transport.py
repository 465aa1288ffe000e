"""HTTP as the node client needs it: JSON in, JSON or lines out, and every failure as a ``NodeClientError``."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from nomos_testing.client.errors import NodeAnswerInvalid, NodeClientError, NodeRefused, NodeUnreachable

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

# Below uvicorn's 5 s, so that a connection isn't used in the moment the server closes it.
_KEEP_ALIVE_SECONDS = 3.0
_CONNECTIONS = 32
_UNSET = object()

_log = logging.getLogger(__name__)


class Transport:
    """One node's connections. They are opened when first used, in the event loop of that moment."""

    def __init__(self, node: str, timeout: float) -> None:
        self._node = node
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

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

    async def _fetch(self, method: str, url: str, *, body: Any, timeout: float | None) -> bytes:
        import aiohttp

        request, seconds = _described(method, url), self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                async with self._opened().request(method, url, **_payload(body)) as answer:
                    content = await answer.read()
        except TimeoutError:
            raise NodeUnreachable(self._node, request, f"no answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NodeUnreachable(self._node, request, _explained(error)) from error
        if not 200 <= answer.status < 300:
            raise NodeRefused(self._node, request, answer.status, content.decode(errors="replace"))
        return content

    async def all_lines(self, method: str, url: str, read: Callable[[Any], T], *, body: Any) -> tuple[T, ...]:
        """Send one request and read its answer of JSON lines, which may be of any length, to the end."""
        request = _described(method, url)
        with self._failure_logged(method, url):
            content = await self._fetch(method, url, body=body, timeout=None)
            return tuple(self._read_line(line, read, request) for line in content.splitlines() if line.strip())

    async def lines(self, url: str, read: Callable[[Any], T]) -> AsyncIterator[T]:
        """Follow a stream of JSON lines until the node or the caller ends it."""
        import aiohttp

        request = _described("GET", url)
        with self._failure_logged("GET", url):
            try:
                async with self._opened().get(url) as answer:
                    if answer.status != 200:
                        raise NodeRefused(self._node, request, answer.status, await answer.text())
                    async for line in answer.content:
                        yield self._read_line(line, read, request)
            except (aiohttp.ClientError, OSError) as error:
                raise NodeUnreachable(self._node, request, _explained(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    @contextmanager
    def _failure_logged(self, method: str, url: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except NodeClientError as error:
            spent, reason = 1000 * (time.monotonic() - began), _shortened(error.reason)
            _log.debug("%s: %s %s failed after %.1f ms: %s", self._node, method, url, spent, reason)
            raise

    def _read_line(self, line: bytes, read: Callable[[Any], T], request: str) -> T:
        try:
            return read(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{_explained(error)} in {_shortened(line.decode(errors='replace'))}"
            raise NodeAnswerInvalid(self._node, request, reason) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        return self._session


def _payload(body: Any) -> dict[str, Any]:
    return {} if body is _UNSET else {"json": body}


def _described(method: str, url: str) -> str:
    path = url.partition("://")[2].partition("/")[2]
    return f"{method} /{path}"


def _explained(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"missing key {error}"
    return str(error) or type(error).__name__


def _shortened(text: str, limit: int = 200) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "...")
