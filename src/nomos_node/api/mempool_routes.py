"""Routes of ``/mempool/add/tx`` and ``/mantle``: add a transaction, and ask for the state of transactions."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_core.identifiers import TxHash
from nomos_core.mantle.json_reading import field_element, sequence
from nomos_core.mantle.transactions_json import transaction_from_json
from nomos_node.api.answers import Refusal, json_answer
from nomos_node.api.requests import json_body
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import AlreadyInMempool, InBlock, Mempool, Status, TransactionTooLarge

_hashes = sequence(field_element)


class MempoolRoutes:
    def __init__(self, mempool: Mempool, gossip: TransactionGossip) -> None:
        self._mempool = mempool
        self._gossip = gossip

    def routes(self) -> list[Route]:
        return [
            Route("/mempool/add/tx", self._add, methods=["POST"]),
            Route("/mantle/metrics", self._metrics),
            Route("/mantle/status", self._status, methods=["POST"]),
        ]

    async def _add(self, request: Request) -> Response:
        transaction = await json_body(request, transaction_from_json)
        try:
            await self._gossip.submit(transaction)
        except (AlreadyInMempool, TransactionTooLarge) as error:
            raise Refusal(500, str(error)) from None
        return json_answer(None)

    async def _metrics(self, request: Request) -> Response:
        return json_answer(
            {"pending_items": self._mempool.pending_count, "last_item_timestamp": self._mempool.last_added_ms}
        )

    async def _status(self, request: Request) -> Response:
        hashes = [TxHash(hash_) for hash_ in await json_body(request, _hashes)]
        return json_answer([_status_json(status) for status in self._mempool.statuses(hashes)])


def _status_json(status: Status) -> Any:
    return {"InBlock": {"block": status.block.hex()}} if isinstance(status, InBlock) else status
