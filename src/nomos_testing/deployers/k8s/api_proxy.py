"""Requests to a pod's HTTP server through the API server's pod proxy."""

from __future__ import annotations

import asyncio
from typing import Final

from nomos_testing.client.transport import Answer, HttpTransport, TransportError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi

_ASK_SECONDS: Final = 2.0
_AWAY: Final = (502, 503)
"""Answers of the proxy where the pod's server gives none."""


class ApiProxyTransport(HttpTransport):
    """A ``Transport`` with the credentials of the API's client. URLs are those of ``KubernetesApi.proxy_url``."""

    def __init__(self, api: KubernetesApi) -> None:
        super().__init__(borrowed=api.session)

    async def send(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = await super().send(method, url, body)
        if answer.status in _AWAY and _is_of_the_api(answer):
            raise TransportError(answer.body.decode(errors="replace"))
        return answer

    async def answers(self, url: str) -> bool:
        """Tell whether a server answers behind the proxy."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return not _is_of_the_api(await self.send("GET", f"{url}/", None))
        except (TransportError, TimeoutError):
            return False


def _is_of_the_api(answer: Answer) -> bool:
    """Tell whether the API server itself has answered: with an object of the kind ``Status``."""
    return b'"kind":"Status"' in answer.body.replace(b" ", b"")
