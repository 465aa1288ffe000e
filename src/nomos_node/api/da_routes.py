"""The paths of data availability, which this version of the node does not offer: they say so."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_node.api.answers import text_answer

_GET: Final = ("/da/get-storage-commitments", "/da/get-share", "/da/sampling/shares")
_GET_STATISTICS: Final = ("/da/blacklisted-peers", "/da/balancer-stats", "/da/monitor-stats")
_POST: Final = ("/da/add-share", "/da/get-commitments", "/da/block-peer", "/da/unblock-peer")
_TESTING: Final = ("/test/da/membership", "/test/da/historic-sampling")


def da_routes(*, executor: bool) -> list[Route]:
    posted = (*_POST, "/disperse-data") if executor else _POST
    return [
        *(Route(path, _unavailable) for path in (*_GET, *_GET_STATISTICS)),
        *(Route(path, _unavailable, methods=["POST"]) for path in posted),
    ]


def testing_da_routes() -> list[Route]:
    return [Route(path, _unavailable, methods=["POST"]) for path in _TESTING]


async def _unavailable(request: Request) -> Response:
    return text_answer("Data availability is not available in this version of the node", 501)
