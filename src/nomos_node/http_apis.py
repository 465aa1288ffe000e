"""The node's two HTTP APIs as ASGI applications: that of ``http``, and that of ``testing_http`` for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from starlette.routing import Route
from starlette.types import ASGIApp

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
from nomos_node.api.wallet_routes import WalletRoutes
from nomos_node.telemetry.traces import NO_TRACES, Tracer

PROGRAMS: Final = {"validator": "nomos-node", "executor": "nomos-executor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRoutes:
    """The routes of all services of a node."""

    chain: ChainRoutes
    mempool: MempoolRoutes
    network: NetworkRoutes
    sdp: SdpRoutes
    wallet: WalletRoutes
    declarations: DeclarationRoutes
    data_availability: DaRoutes
    metrics: MetricsRoutes
    tracer: Tracer = NO_TRACES

    def api(self, config: NodeConfig) -> ASGIApp:
        """Make the API of ``http``. Executors have neither a wallet nor a stream of irreversible blocks."""
        is_executor = config.kind == "executor"
        routes = [
            *self.chain.routes(with_lib_stream=not is_executor),
            *self.mempool.routes(),
            *self.network.routes(),
            *self.sdp.routes(),
            *([] if is_executor else self.wallet.routes()),
            *self.data_availability.routes(executor=is_executor),
            *self.metrics.routes(),
        ]
        documentation = documentation_routes(PROGRAMS[config.kind], version("logos-blockchain-testing"), routes)
        return self._application(config.http.backend_settings, [*routes, *documentation])

    def testing_api(self, config: NodeConfig) -> ASGIApp:
        """Make the API of ``testing_http``."""
        routes = [*self.declarations.routes(), *self.data_availability.testing_routes()]
        return self._application(config.testing_http.backend_settings, routes)

    def _application(self, backend: HttpBackend, routes: Sequence[Route]) -> ASGIApp:
        limits = settings.http_limits(backend)
        return application(routes, limits, backend.cors_origins, tracer=self.tracer)
