"""Transactions in JSON, as the HTTP API, the clients of the mempool and the node's configuration contain them."""

from __future__ import annotations

from typing import Any, Final

from nomos_core import field
from nomos_core.mantle.json_reading import field_element, record, sequence, u64
from nomos_core.mantle.operation_proofs import verify_operation_proofs
from nomos_core.mantle.operations_json import (
    operation_from_json,
    operation_to_json,
    proof_from_json,
    proof_to_json,
    zk_signature_from_json,
    zk_signature_to_json,
)
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx


def transaction_to_json(tx: SignedMantleTx) -> dict[str, Any]:
    """Return a signed transaction as JSON values, with its keys in the real node's order."""
    return {
        "mantle_tx": mantle_tx_to_json(tx.mantle_tx),
        "ops_proofs": [proof_to_json(proof) for proof in tx.operation_proofs],
        "ledger_tx_proof": zk_signature_to_json(tx.ledger_tx_proof),
    }


def transaction_from_json(value: Any, path: str = "") -> SignedMantleTx:
    """Read a signed transaction, and check the proofs of its operations.

    ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a signed transaction.
        OperationProofError: an operation's proof is missing, of the wrong kind, or does not hold.
    """
    parts = _SIGNED_MANTLE_TX(value, path)
    tx = SignedMantleTx(parts["mantle_tx"], parts["ops_proofs"], parts["ledger_tx_proof"])
    verify_operation_proofs(tx)
    return tx


def mantle_tx_to_json(tx: MantleTx) -> dict[str, Any]:
    """Return a transaction without its proofs as JSON values."""
    return {
        "ops": [operation_to_json(operation) for operation in tx.operations],
        "ledger_tx": {
            "inputs": [field.to_hex(note_id) for note_id in tx.ledger_tx.inputs],
            "outputs": [note_to_json(note) for note in tx.ledger_tx.outputs],
        },
        "execution_gas_price": tx.execution_gas_price,
        "storage_gas_price": tx.storage_gas_price,
    }


def mantle_tx_from_json(value: Any, path: str = "") -> MantleTx:
    """Read a transaction without proofs. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a transaction.
    """
    parts = _MANTLE_TX(value, path)
    return MantleTx(parts["ops"], parts["ledger_tx"], parts["execution_gas_price"], parts["storage_gas_price"])


def note_to_json(note: Note) -> dict[str, Any]:
    """Return a note as JSON values."""
    return {"value": note.value, "pk": field.to_hex(note.public_key)}


def note_from_json(value: Any, path: str = "") -> Note:
    """Read a note. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a note.
    """
    parts = _NOTE(value, path)
    return Note(parts["value"], parts["pk"])


def _ledger_tx_from_json(value: Any, path: str) -> LedgerTx:
    parts = _LEDGER_TX(value, path)
    return LedgerTx(parts["inputs"], parts["outputs"])


_NOTE: Final = record("Note", {"value": u64, "pk": field_element})
_LEDGER_TX: Final = record("Tx", {"inputs": sequence(field_element), "outputs": sequence(note_from_json)})
_MANTLE_TX: Final = record(
    "MantleTxDeSerImpl",
    {
        "ops": sequence(operation_from_json),
        "ledger_tx": _ledger_tx_from_json,
        "execution_gas_price": u64,
        "storage_gas_price": u64,
    },
)
_SIGNED_MANTLE_TX: Final = record(
    "SignedMantleTxHelper",
    {
        "mantle_tx": mantle_tx_from_json,
        "ops_proofs": sequence(proof_from_json),
        "ledger_tx_proof": zk_signature_from_json,
    },
)
