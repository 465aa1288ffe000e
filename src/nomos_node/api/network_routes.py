"""Route of ``/network/info``: listening addresses and numbers of connections."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_node.api.answers import json_answer
from nomos_node.network.events import NetworkInfo


class InfoSource(Protocol):
    async def info(self) -> NetworkInfo: ...


class NetworkRoutes:
    def __init__(self, network: InfoSource) -> None:
        self._network = network

    def routes(self) -> list[Route]:
        return [Route("/network/info", self._info)]

    async def _info(self, request: Request) -> Response:
        info = await self._network.info()
        return json_answer(
            {
                "listen_addresses": list(info.listen_addresses),
                "n_peers": info.n_peers,
                "n_connections": info.n_connections,
                "n_pending_connections": info.n_pending_connections,
            }
        )
