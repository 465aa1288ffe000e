"""Route of ``/metrics``: a page that Prometheus scrapes. The real node has none: it only pushes metrics."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_node.telemetry.exposition import CONTENT_TYPE, exposition
from nomos_node.telemetry.metrics import Metric


class MetricsRoutes:
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def routes(self) -> list[Route]:
        return [Route("/metrics", self._page)]

    async def _page(self, request: Request) -> Response:
        return Response(exposition(self._metrics), headers={"content-type": CONTENT_TYPE})
