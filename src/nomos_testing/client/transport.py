"""The transport of a client's requests to a node's HTTP listeners.

``NodeClient`` takes any ``Transport``. ``HttpTransport``, over sockets, is the default. A simulation gives one that
calls the node in the same process. A transport knows nothing of JSON, of timeouts or of a node's name: its caller adds
them, and cancels a request whose time is over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import aiohttp

# Below the 5 s of uvicorn, so that no connection is used in the moment in which the server closes it.
_KEEP_ALIVE_SECONDS = 3.0
_CONNECTIONS = 32


class TransportError(Exception):
    """There was no connection, or it broke. The text has the reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer that is read line by line."""

    status: int
    lines: AsyncIterator[bytes]
    """Reading them raises ``TransportError`` if the connection breaks."""


class Transport(Protocol):
    """Sends requests to one node."""

    async def send(self, method: str, url: str, body: bytes | None) -> Answer:
        """Send one request and read the whole answer. ``body`` is JSON.

        Raises:
            TransportError: there is no answer.
        """
        ...

    def stream(self, url: str) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Send ``GET`` and yield the answer's lines as they come, until the block is left.

        Raises:
            TransportError: there is no answer.
        """
        ...

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        ...


class HttpTransport:
    """A ``Transport`` over sockets. It opens its connections when it first uses them, in the running event loop."""

    def __init__(self, *, borrowed: aiohttp.ClientSession | None = None) -> None:
        """
        Args:
            borrowed: a session to use instead of one of its own. Its owner closes it.
        """
        self._borrowed = borrowed
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, url: str, body: bytes | None) -> Answer:
        import aiohttp

        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._opened().request(method, url, data=body, headers=headers) as answer:
                return Answer(answer.status, await answer.read())
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(_explained(error)) from error

    @asynccontextmanager
    async def stream(self, url: str) -> AsyncIterator[StreamedAnswer]:
        import aiohttp

        try:
            answer = await self._opened().get(url)
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(_explained(error)) from error
        async with answer:
            yield StreamedAnswer(answer.status, _lines(answer))

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._borrowed is not None:
            return self._borrowed
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        return self._session


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    import aiohttp

    try:
        async for line in answer.content:
            yield line
    except (aiohttp.ClientError, OSError) as error:
        raise TransportError(_explained(error)) from error


def _explained(error: Exception) -> str:
    return str(error) or type(error).__name__
