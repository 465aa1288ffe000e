"""Routes of ``/api-docs/openapi.json`` and ``/swagger-ui/``: the paths of the API, for programs and for people.

The document has the schemas of the real node's document. It also has every path, which the real node's lacks. The page
needs nothing from the internet.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_node.api.answers import json_answer

_COUNT: Final = {"type": "integer", "minimum": 0}
_SCHEMAS: Final = {
    "MempoolMetrics": {
        "type": "object",
        "required": ["pending_items", "last_item_timestamp"],
        "properties": {"last_item_timestamp": {**_COUNT, "format": "int64"}, "pending_items": _COUNT},
    },
    "Status": {
        "oneOf": [
            {"type": "string", "enum": ["Unknown", "Pending", "Rejected"]},
            {
                "type": "object",
                "required": ["InBlock"],
                "properties": {"InBlock": {"type": "object", "required": ["block"]}},
            },
        ]
    },
}


def documentation_routes(title: str, version: str, documented: Sequence[Route]) -> list[Route]:
    document = {
        "openapi": "3.0.3",
        "info": {"title": title, "license": {"name": "MIT or Apache-2.0"}, "version": version},
        "paths": {route.path: _operations(route) for route in documented},
        "components": {"schemas": _SCHEMAS},
    }
    page = _page(title, documented)

    async def openapi(request: Request) -> Response:
        return json_answer(document)

    async def swagger(request: Request) -> Response:
        return Response(page, headers={"content-type": "text/html"})

    return [Route("/api-docs/openapi.json", openapi), Route("/swagger-ui/", swagger)]


def _methods(route: Route) -> list[str]:
    return sorted(method.lower() for method in route.methods or () if method != "HEAD")


def _operations(route: Route) -> dict[str, Any]:
    return {method: {"responses": {"200": {"description": "OK"}}} for method in _methods(route)}


def _page(title: str, documented: Sequence[Route]) -> str:
    rows = "\n".join(
        f"<tr><td>{' '.join(_methods(route)).upper()}</td><td><code>{html.escape(route.path)}</code></td></tr>"
        for route in documented
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="UTF-8"><title>{html.escape(title)}: HTTP API</title></head>
<body>
<h1>{html.escape(title)}: HTTP API</h1>
<p>The same as a document: <a href="/api-docs/openapi.json">openapi.json</a></p>
<table>
{rows}
</table>
</body>
</html>
"""
