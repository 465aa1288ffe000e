"""Routes of ``/sdp``: post declarations, activity and withdrawals. For tests: the declarations of the ledger."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_core import field
from nomos_core.identifiers import DeclarationId
from nomos_core.ledger.declarations import Declaration
from nomos_core.mantle.json_reading import byte_array
from nomos_core.mantle.operations import BlendActivity, DaActivity, Opcode, SDPActive, SDPDeclare
from nomos_core.mantle.operations_json import operation_from_json
from nomos_core.proofs.prover import ProofError
from nomos_node.api.answers import Refusal, json_answer
from nomos_node.api.requests import json_body
from nomos_node.chain.chain import Chain
from nomos_node.mempool.mempool import AlreadyInMempool, TransactionTooLarge
from nomos_node.sdp.posting import DeclarationPosting

_declaration_id = byte_array(32)


class SdpRoutes:
    def __init__(self, posting: DeclarationPosting) -> None:
        self._posting = posting

    def routes(self) -> list[Route]:
        return [
            Route("/sdp/declaration", self._declare, methods=["POST"]),
            Route("/sdp/activity", self._activity, methods=["POST"]),
            Route("/sdp/withdrawal", self._withdraw, methods=["POST"]),
        ]

    async def _declare(self, request: Request) -> Response:
        declaration = await json_body(request, _read_declaration)
        try:
            return json_answer(list(await self._posting.declare(declaration)))
        except (ProofError, AlreadyInMempool, TransactionTooLarge) as error:
            raise Refusal(500, str(error)) from None

    async def _activity(self, request: Request) -> Response:
        self._posting.report_activity(await json_body(request, _read_activity))
        return json_answer(None)

    async def _withdraw(self, request: Request) -> Response:
        self._posting.withdraw(DeclarationId(await json_body(request, _declaration_id)))
        return json_answer(None)


class DeclarationRoutes:
    """Routes of the API for tests: the declarations of the ledger."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def routes(self) -> list[Route]:
        return [Route("/mantle/sdp/declarations", self._declarations)]

    async def _declarations(self, request: Request) -> Response:
        declarations = self._chain.tip_state().declarations
        return json_answer([_declaration_json(declaration) for declaration in declarations.values()])


def _read_declaration(value: Any, path: str) -> SDPDeclare:
    declaration = operation_from_json({"opcode": int(Opcode.SDP_DECLARE), "payload": value}, path)
    assert isinstance(declaration, SDPDeclare)
    return declaration


def _read_activity(value: Any, path: str) -> DaActivity | BlendActivity:
    payload = {"declaration_id": [0] * 32, "nonce": 0, "metadata": value}
    message = operation_from_json({"opcode": int(Opcode.SDP_ACTIVE), "payload": payload}, path)
    assert isinstance(message, SDPActive)
    return message.metadata


def _declaration_json(declaration: Declaration) -> dict[str, Any]:
    return {
        "service_type": declaration.service_type.value,
        "provider_id": declaration.provider_id.hex(),
        "locked_note_id": field.to_hex(declaration.locked_note_id),
        "locators": list(declaration.locators),
        "zk_id": field.to_hex(declaration.zk_id),
        "created": declaration.created,
        "active": declaration.active,
        "withdrawn": None,
        "nonce": declaration.nonce,
    }
