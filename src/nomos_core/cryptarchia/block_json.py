"""Blocks and proposals in JSON. The id of a block is not part of it: a reader computes the id from the header."""

from __future__ import annotations

from typing import Any

from nomos_core import field
from nomos_core.cryptarchia.block import Block, Proposal
from nomos_core.cryptarchia.header_json import header_from_json, header_to_json
from nomos_core.mantle.json_reading import byte_array, field_element, record, sequence
from nomos_core.mantle.transactions_json import transaction_from_json, transaction_to_json

_SIGNATURE_BYTES = 64


def block_to_json(block: Block) -> dict[str, Any]:
    """Return a block as JSON values, as ``POST /storage/block`` answers it."""
    return {
        "header": header_to_json(block.header),
        "signature": list(block.signature),
        "transactions": [transaction_to_json(tx) for tx in block.transactions],
    }


def block_from_json(value: Any) -> Block:
    """Read a block. The proofs of its operations are checked; that the header fits the transactions is not.

    Raises:
        JsonError: the value is not a block.
        OperationProofError: an operation's proof is missing, of the wrong kind, or does not hold.
    """
    found = _block(value, "")
    return Block(found["header"], found["signature"], found["transactions"])


def proposal_to_json(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as JSON values."""
    return {
        "header": header_to_json(proposal.header),
        "references": {"mempool_transactions": [field.to_hex(tx_hash) for tx_hash in proposal.transaction_hashes]},
        "signature": list(proposal.signature),
    }


def proposal_from_json(value: Any) -> Proposal:
    """Read a proposal.

    Raises:
        JsonError: the value is not a proposal.
    """
    found = _proposal(value, "")
    return Proposal(found["header"], found["references"]["mempool_transactions"], found["signature"])


_signature = byte_array(_SIGNATURE_BYTES)

_block = record(
    "Block",
    {"header": header_from_json, "signature": _signature, "transactions": sequence(transaction_from_json)},
)

_proposal = record(
    "Proposal",
    {
        "header": header_from_json,
        "references": record("References", {"mempool_transactions": sequence(field_element)}),
        "signature": _signature,
    },
)
