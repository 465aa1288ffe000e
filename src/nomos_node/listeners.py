"""The node's two HTTP listeners: the API of ``http``, and what ``testing_http`` offers to tests."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Final

from starlette.routing import Route

from nomos_core.config import NodeConfig
from nomos_core.config.node import HttpBackend
from nomos_node import settings
from nomos_node.api.application import application
from nomos_node.api.chain_routes import ChainRoutes
from nomos_node.api.da_routes import DaRoutes
from nomos_node.api.documentation_routes import documentation_routes
from nomos_node.api.mempool_routes import MempoolRoutes
from nomos_node.api.metrics_routes import MetricsRoutes
from nomos_node.api.network_routes import NetworkRoutes
from nomos_node.api.sdp_routes import DeclarationRoutes, SdpRoutes
from nomos_node.api.server import HttpServer, Listener
from nomos_node.api.wallet_routes import WalletRoutes

PROGRAMS: Final = {"validator": "nomos-node", "executor": "nomos-executor"}
_CLOSING_TIME: Final = 0.3
"""Seconds that answers in progress have when the node ends."""


class NodeHttp:
    """Takes both addresses when made; answers from ``run`` on what ``offer`` gave it.

    Raises:
        AddressUnavailable: one of the addresses can't be taken.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._listener = _listener(config.http.backend_settings, "http.backend_settings.address")
        try:
            testing = config.testing_http.backend_settings
            self._testing_listener = _listener(testing, "testing_http.backend_settings.address")
        except Exception:
            self._listener.close()
            raise
        self._servers: tuple[HttpServer, ...] = ()

    def close(self) -> None:
        self._listener.close()
        self._testing_listener.close()

    def offer(
        self,
        *,
        chain: ChainRoutes,
        mempool: MempoolRoutes,
        network: NetworkRoutes,
        sdp: SdpRoutes,
        wallet: WalletRoutes,
        declarations: DeclarationRoutes,
        data_availability: DaRoutes,
        metrics: MetricsRoutes,
    ) -> None:
        """Say what answers. Executors have neither a wallet nor a stream of irreversible blocks."""
        is_executor = self._config.kind == "executor"
        routes = [
            *chain.routes(with_lib_stream=not is_executor),
            *mempool.routes(),
            *network.routes(),
            *sdp.routes(),
            *([] if is_executor else wallet.routes()),
            *data_availability.routes(executor=is_executor),
            *metrics.routes(),
        ]
        documentation = documentation_routes(PROGRAMS[self._config.kind], version("logos-blockchain-testing"), routes)
        main, testing = self._config.http.backend_settings, self._config.testing_http.backend_settings
        self._servers = (
            _server(main, self._listener, [*routes, *documentation]),
            _server(testing, self._testing_listener, [*declarations.routes(), *data_availability.testing_routes()]),
        )

    async def run(self) -> None:
        """
        Raises:
            AddressUnavailable: another program listens on one of the addresses.
        """
        serving = [asyncio.ensure_future(server.run()) for server in self._servers]
        try:
            await asyncio.gather(*serving)
        finally:
            for server in self._servers:
                server.stop()
            await asyncio.wait(serving, timeout=_CLOSING_TIME)


def _listener(backend: HttpBackend, setting: str) -> Listener:
    return Listener(backend.address.host, backend.address.port, setting=setting)


def _server(backend: HttpBackend, listener: Listener, routes: list[Route]) -> HttpServer:
    return HttpServer(application(routes, settings.http_limits(backend), backend.cors_origins), listener)
