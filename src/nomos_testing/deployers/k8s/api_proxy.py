"""Requests to a pod's HTTP server through the API server's pod proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from nomos_testing.client.transport import Answer, StreamedAnswer, TransportError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi

_ASK_SECONDS: Final = 2.0
_AWAY: Final = (502, 503)
"""Answers of the proxy where the pod's server gives none."""


class ApiProxyTransport:
    """A ``Transport`` with the credentials of the API's client. URLs are those of ``KubernetesApi.proxy_url``."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api

    async def send(self, method: str, url: str, body: bytes | None) -> Answer:
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._api.session.request(method, url, data=body, headers=headers) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(str(error) or type(error).__name__) from error
        if answer.status in _AWAY and b'"kind":"Status"' in text.replace(b" ", b""):
            raise TransportError(text.decode(errors="replace"))
        return Answer(answer.status, text)

    @asynccontextmanager
    async def stream(self, url: str) -> AsyncIterator[StreamedAnswer]:
        try:
            answer = await self._api.session.get(url)
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(str(error) or type(error).__name__) from error
        async with answer:
            yield StreamedAnswer(answer.status, _lines(answer))

    async def answers(self, url: str) -> bool:
        """Tell whether a server answers behind the proxy."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                answer = await self.send("GET", f"{url}/", None)
        except (TransportError, TimeoutError):
            return False
        return b'"kind":"Status"' not in answer.body.replace(b" ", b"")

    async def close(self) -> None:
        """Do nothing: the session is the API client's."""


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for line in answer.content:
            yield line
    except (aiohttp.ClientError, OSError) as error:
        raise TransportError(str(error) or type(error).__name__) from error
