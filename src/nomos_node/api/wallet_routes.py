"""Routes of ``/wallet``: balances of known keys, and transfers from them. Only validators have these paths.

A transfer is signed with the node's own keys and put into the mempool. (The real node of this revision signs it,
answers with its hash and drops it.)
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nomos_core import field
from nomos_core.identifiers import HeaderId, ZkPublicKey
from nomos_core.mantle.json_reading import field_element, hex32, record, sequence, u64
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.proofs.prover import ProofError
from nomos_node.api.answers import Refusal, json_text, text_answer
from nomos_node.api.chain_routes import header_id
from nomos_node.api.requests import json_body, query_parameter
from nomos_node.chain.chain import Chain
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import AlreadyInMempool, TransactionTooLarge
from nomos_node.wallet.wallet import Wallet, WalletError
from nomos_node.workers import Worker


def _optional_header(value: Any, path: str) -> HeaderId | None:
    return None if value is None else HeaderId(hex32(value, path))


_TRANSFER_FIELDS = {
    "change_public_key": field_element,
    "funding_public_keys": sequence(field_element),
    "recipient_public_key": field_element,
    "amount": u64,
}
_transfer = record("WalletTransferFundsRequestBody", {"tip": _optional_header, **_TRANSFER_FIELDS})


def _read_transfer(value: Any, path: str) -> dict[str, Any]:
    """Read the body of a transfer. The tip is optional."""
    return _transfer({"tip": None, **value} if isinstance(value, dict) else value, path)


class WalletRoutes:
    """Routes of the wallet. ``worker`` signs transfers, which may take seconds."""

    def __init__(self, wallet: Wallet, chain: Chain, gossip: TransactionGossip, worker: Worker) -> None:
        self._wallet = wallet
        self._chain = chain
        self._gossip = gossip
        self._worker = worker

    def routes(self) -> list[Route]:
        return [
            Route("/wallet/transactions/transfer-funds", self._transfer_funds, methods=["POST"]),
            Route("/wallet/{public_key}/balance", self._balance),
        ]

    async def _balance(self, request: Request) -> Response:
        key = _key_in_path(request.path_params["public_key"])
        tip = query_parameter(request, "tip", header_id) or self._chain.tip.id
        try:
            balance = self._wallet.balance(key, tip)
        except WalletError as error:
            raise Refusal(500, str(error)) from None
        if balance is None:
            raise Refusal(404, "The requested address could not be found in the wallet.")
        return text_answer(json_text({"tip": tip.hex(), "balance": balance, "address": field.to_hex(key)}))

    async def _transfer_funds(self, request: Request) -> Response:
        wanted = await json_body(request, _read_transfer)
        try:
            transaction = await self._worker.run(self._signed, wanted, wanted["tip"] or self._chain.tip.id)
            await self._gossip.submit(transaction)
        except (WalletError, ProofError, ValueError, AlreadyInMempool, TransactionTooLarge) as error:
            raise Refusal(500, str(error)) from None
        return text_answer(json_text({"hash": field.to_hex(transaction.hash)}), 201)

    def _signed(self, wanted: dict[str, Any], tip: HeaderId) -> SignedMantleTx:
        return self._wallet.fund_transfer(
            tip,
            amount=wanted["amount"],
            recipient=wanted["recipient_public_key"],
            funding=wanted["funding_public_keys"],
            change=wanted["change_public_key"],
        )


def _key_in_path(text: str) -> ZkPublicKey:
    try:
        return ZkPublicKey(field.from_hex(text))
    except ValueError as error:
        raise Refusal(400, f"Invalid URL: {error}") from None
