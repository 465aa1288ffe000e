"""Headers in JSON, as the HTTP API shows them. The public inputs of the proof of leadership are included."""

from __future__ import annotations

from typing import Any

from nomos_core import field
from nomos_core.cryptarchia.header import LEADER_PROOF_BYTES, Header, LeaderProof, LeaderPublic
from nomos_core.keys import ed25519_public_from_hex
from nomos_core.mantle.json_reading import byte_array, field_element, hex32, parsed_text, record, u64, variant

_VERSION = "Bedrock"


def header_to_json(header: Header) -> dict[str, Any]:
    """Return a header as JSON values."""
    return {
        "version": _VERSION,
        "parent_block": header.parent.hex(),
        "slot": header.slot,
        "block_root": header.block_root.hex(),
        "proof_of_leadership": _proof_to_json(header.leader_proof),
    }


def header_from_json(value: Any, path: str = "") -> Header:
    """Read a header. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a header.
    """
    found = _header(value, path)
    return Header(
        parent=found["parent_block"],
        slot=found["slot"],
        block_root=found["block_root"],
        leader_proof=found["proof_of_leadership"],
    )


def _proof_to_json(proof: LeaderProof) -> dict[str, Any]:
    value: dict[str, Any] = {
        "proof": list(proof.proof),
        "entropy_contribution": field.to_hex(proof.entropy_contribution),
        "leader_key": proof.leader_key.hex(),
        "voucher_cm": field.to_hex(proof.voucher_commitment),
    }
    if proof.public is not None:
        value["public"] = _public_to_json(proof.public)
    return value


def _proof_from_json(value: Any, path: str) -> LeaderProof:
    found = _proof(value, path)
    return LeaderProof(
        proof=found["proof"],
        entropy_contribution=found["entropy_contribution"],
        leader_key=found["leader_key"],
        voucher_commitment=found["voucher_cm"],
        public=found["public"],
    )


def _public_to_json(public: LeaderPublic) -> dict[str, Any]:
    return {
        "slot": public.slot,
        "epoch_nonce": field.to_hex(public.epoch_nonce),
        "total_stake": public.total_stake,
        "aged_root": field.to_hex(public.aged_root),
        "latest_root": field.to_hex(public.latest_root),
    }


def _public_from_json(value: Any, path: str) -> LeaderPublic:
    return LeaderPublic(**_public(value, path))


_public = record(
    "LeaderPublic",
    {
        "slot": u64,
        "epoch_nonce": field_element,
        "total_stake": u64,
        "aged_root": field_element,
        "latest_root": field_element,
    },
)

_proof = record(
    "Groth16LeaderProof",
    {
        "proof": byte_array(LEADER_PROOF_BYTES),
        "entropy_contribution": field_element,
        "leader_key": parsed_text(ed25519_public_from_hex),
        "voucher_cm": field_element,
        "public": _public_from_json,
    },
)

_header = record(
    "Header",
    {
        "version": variant({}, units={_VERSION: _VERSION}),
        "parent_block": hex32,
        "slot": u64,
        "block_root": hex32,
        "proof_of_leadership": _proof_from_json,
    },
)
