"""Routes of ``/cryptarchia`` and ``/storage``: chain info, headers, stream of irreversible blocks, single blocks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nomos_core.cryptarchia.block_json import block_to_json
from nomos_core.cryptarchia.block_wire import block_from_wire
from nomos_core.identifiers import HeaderId, bytes_from_hex
from nomos_core.mantle.json_reading import hex32
from nomos_node.api.answers import json_answer, json_text
from nomos_node.api.requests import json_body, query_parameter
from nomos_node.chain.chain import Chain, LibUpdate
from nomos_node.network.feed import Feed
from nomos_node.storage.block_store import BlockStore

_NDJSON = "application/x-ndjson"


class ChainRoutes:
    def __init__(self, chain: Chain, store: BlockStore) -> None:
        self._chain = chain
        self._store = store

    def routes(self, *, with_lib_stream: bool) -> list[Route]:
        """Make the routes. Executors have no stream of irreversible blocks."""
        routes = [
            Route("/cryptarchia/info", self._info),
            Route("/cryptarchia/headers", self._headers),
            Route("/storage/block", self._block, methods=["POST"]),
        ]
        return [*routes, Route("/cryptarchia/lib-stream", self._lib_stream)] if with_lib_stream else routes

    async def _info(self, request: Request) -> Response:
        info = self._chain.info()
        return json_answer(
            {
                "lib": info.lib.hex(),
                "tip": info.tip.hex(),
                "slot": info.slot,
                "height": info.height,
                "mode": info.mode.value,
            }
        )

    async def _headers(self, request: Request) -> Response:
        first = query_parameter(request, "from", header_id)
        last = query_parameter(request, "to", header_id)
        return json_answer([header.hex() for header in self._chain.headers(first, last)])

    async def _block(self, request: Request) -> Response:
        stored = await self._store.block(HeaderId(await json_body(request, hex32)))
        return json_answer(None if stored is None else block_to_json(block_from_wire(stored.wire)))

    async def _lib_stream(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(headers={"content-type": _NDJSON})
        return StreamingResponse(_lines(self._chain.lib_updates.subscribe()), headers={"content-type": _NDJSON})


def header_id(text: str) -> HeaderId:
    return HeaderId(bytes_from_hex(text))


async def _lines(updates: Feed[LibUpdate]) -> AsyncIterator[str]:
    async with updates:
        async for update in updates:
            line: dict[str, Any] = {"height": update.height, "header_id": update.header_id.hex()}
            yield json_text(line) + "\n"
