"""Operations and their proofs in JSON, as the HTTP API and the node's configuration contain them.

An operation is ``{"opcode": int, "payload": {...}}``. The real node tries the payload against every kind of operation,
so it gives the same refusal for every fault in it, the opcode included. Here ``JsonError.detail`` names the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any, Final, TypeVar

from nomos_core import field
from nomos_core.identifiers import Ed25519Signature, ZkSignature
from nomos_core.keys import ed25519_public_from_hex
from nomos_core.mantle import multiaddr
from nomos_core.mantle.json_reading import (
    JsonError,
    Reader,
    byte_array,
    byte_list,
    field_element,
    hex32,
    parsed_text,
    record,
    sequence,
    u8,
    u64,
    variant,
)
from nomos_core.mantle.operations import (
    BlendActivity,
    ChannelBlob,
    ChannelInscribe,
    ChannelSetKeys,
    DaActivity,
    Ed25519Proof,
    LeaderClaim,
    NoProof,
    Opcode,
    Operation,
    OperationProof,
    SDPActive,
    SDPDeclare,
    SDPWithdraw,
    ServiceType,
    ZkAndEd25519Proof,
    ZkProof,
)
from nomos_core.mantle.operations_binary import LOCATOR_LIMIT

T = TypeVar("T")

_G1_BYTES, _G2_BYTES = 32, 64
_SIGNATURE_BYTES: Final = 64


def operation_to_json(operation: Operation) -> dict[str, Any]:
    """Return an operation as JSON values, with its keys in the real node's order."""
    return {"opcode": int(operation.opcode), "payload": _payload_to_json(operation)}


def operation_from_json(value: Any, path: str = "") -> Operation:
    """Read an operation. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not an operation; ``detail`` names the field.
    """
    try:
        parts = _WIRE_OPERATION(value, "")
        opcode = parts["opcode"]
        if opcode not in _PAYLOADS:
            known = ", ".join(str(int(code)) for code in Opcode)
            raise JsonError(f"unknown opcode {opcode}, expected one of {known}", "opcode")
        return _PAYLOADS[opcode](parts["payload"], "payload")
    except JsonError as error:
        raise JsonError("data did not match any variant of untagged enum OpDe", path, str(error)) from None


def proof_to_json(proof: OperationProof) -> Any:
    """Return the proof of an operation as JSON values."""
    match proof:
        case NoProof():
            return "NoProof"
        case Ed25519Proof(signature):
            return {"Ed25519Sig": list(signature)}
        case ZkProof(zk_signature):
            return {"ZkSig": zk_signature_to_json(zk_signature)}
        case ZkAndEd25519Proof(zk_signature, ed25519_signature):
            both = {"zk_sig": zk_signature_to_json(zk_signature), "ed25519_sig": list(ed25519_signature)}
            return {"ZkAndEd25519Sigs": both}


def proof_from_json(value: Any, path: str = "") -> OperationProof:
    """Read the proof of an operation. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a proof of an operation.
    """
    return _PROOF(value, path)


def zk_signature_to_json(signature: bytes) -> dict[str, list[int]]:
    """Return a compressed Groth16 proof as lists of integers: ``pi_a`` (32 bytes), ``pi_b`` (64), ``pi_c`` (32)."""
    b_end = _G1_BYTES + _G2_BYTES
    return {
        "pi_a": list(signature[:_G1_BYTES]),
        "pi_b": list(signature[_G1_BYTES:b_end]),
        "pi_c": list(signature[b_end:]),
    }


def zk_signature_from_json(value: Any, path: str = "") -> ZkSignature:
    """Read a compressed Groth16 proof. ``path`` is its place in the JSON text, for errors.

    Raises:
        JsonError: the value is not a compressed Groth16 proof.
    """
    parts = _GROTH16(value, path)
    return ZkSignature(parts["pi_a"] + parts["pi_b"] + parts["pi_c"])


@singledispatch
def _payload_to_json(operation: Operation) -> dict[str, Any]:
    raise TypeError(f"{operation!r} is not an operation")


@_payload_to_json.register
def _inscribe_to_json(operation: ChannelInscribe) -> dict[str, Any]:
    return {
        "channel_id": operation.channel_id.hex(),
        "inscription": list(operation.inscription),
        "parent": operation.parent.hex(),
        "signer": operation.signer.hex(),
    }


@_payload_to_json.register
def _blob_to_json(operation: ChannelBlob) -> dict[str, Any]:
    return {
        "channel": operation.channel.hex(),
        "session": operation.session,
        "blob": list(operation.blob),
        "blob_size": operation.blob_size,
        "da_storage_gas_price": operation.da_storage_gas_price,
        "parent": operation.parent.hex(),
        "signer": operation.signer.hex(),
    }


@_payload_to_json.register
def _set_keys_to_json(operation: ChannelSetKeys) -> dict[str, Any]:
    return {"channel": operation.channel.hex(), "keys": [key.hex() for key in operation.keys]}


@_payload_to_json.register
def _declare_to_json(operation: SDPDeclare) -> dict[str, Any]:
    return {
        "service_type": operation.service_type.value,
        "locators": list(operation.locators),
        "provider_id": operation.provider_id.hex(),
        "zk_id": field.to_hex(operation.zk_id),
        "locked_note_id": field.to_hex(operation.locked_note_id),
    }


@_payload_to_json.register
def _withdraw_to_json(operation: SDPWithdraw) -> dict[str, Any]:
    return {
        "declaration_id": list(operation.declaration_id),
        "locked_note_id": field.to_hex(operation.locked_note_id),
        "nonce": operation.nonce,
    }


@_payload_to_json.register
def _active_to_json(operation: SDPActive) -> dict[str, Any]:
    return {
        "declaration_id": list(operation.declaration_id),
        "nonce": operation.nonce,
        "metadata": _metadata_to_json(operation.metadata),
    }


@_payload_to_json.register
def _leader_claim_to_json(operation: LeaderClaim) -> dict[str, Any]:
    return {
        "rewards_root": field.to_hex(operation.rewards_root),
        "voucher_nullifier": field.to_hex(operation.voucher_nullifier),
        "mantle_tx_hash": field.to_hex(operation.mantle_tx_hash),
    }


def _metadata_to_json(metadata: DaActivity | BlendActivity) -> dict[str, Any]:
    match metadata:
        case DaActivity():
            activity = {
                "current_session": metadata.current_session,
                "previous_session_opinions": list(metadata.previous_session_opinions),
                "current_session_opinions": list(metadata.current_session_opinions),
            }
            return {"DataAvailability": activity}
        case BlendActivity():
            quota = {
                "key_nullifier": field.to_hex(metadata.key_nullifier),
                "proof": zk_signature_to_json(metadata.proof_of_quota),
            }
            selection = {"selection_randomness": field.to_hex(metadata.selection_randomness)}
            return {
                "Blend": {
                    "session": metadata.session,
                    "signing_key": metadata.signing_key.hex(),
                    "proof_of_quota": quota,
                    "proof_of_selection": selection,
                }
            }


def _made(make: Callable[..., T], name: str, fields: Mapping[str, Reader[Any]]) -> Reader[T]:
    """Return the reader of a record whose fields are the keyword arguments of ``make``."""
    read = record(name, fields)
    return lambda value, path: make(**read(value, path))


def _blend_activity(
    *, session: int, signing_key: Any, proof_of_quota: dict[str, Any], proof_of_selection: dict[str, Any]
) -> BlendActivity:
    return BlendActivity(
        session,
        signing_key,
        proof_of_quota["key_nullifier"],
        proof_of_quota["proof"],
        proof_of_selection["selection_randomness"],
    )


def _locator(text: str) -> str:
    """Return a locator in its normal form. One that is too long for the binary form is refused here already."""
    size = len(multiaddr.to_bytes(text))
    if size > LOCATOR_LIMIT:
        raise ValueError(f"a locator has at most {LOCATOR_LIMIT} bytes, got {size}")
    return multiaddr.normalized(text)


def _ed25519_proof(value: Any, path: str) -> Ed25519Proof:
    return Ed25519Proof(Ed25519Signature(_ED25519_SIGNATURE(value, path)))


def _zk_proof(value: Any, path: str) -> ZkProof:
    return ZkProof(zk_signature_from_json(value, path))


def _zk_and_ed25519_proof(value: Any, path: str) -> ZkAndEd25519Proof:
    parts = _ZK_AND_ED25519(value, path)
    return ZkAndEd25519Proof(parts["zk_sig"], parts["ed25519_sig"])


_GROTH16: Final = record(
    "CompressedProof",
    {
        "pi_a": byte_array(_G1_BYTES, "struct GenericArray<T, U32>"),
        "pi_b": byte_array(_G2_BYTES, "struct GenericArray<T, U64>"),
        "pi_c": byte_array(_G1_BYTES, "struct GenericArray<T, U32>"),
    },
)
_ED25519_SIGNATURE: Final = byte_array(_SIGNATURE_BYTES, f"bytestring of length {_SIGNATURE_BYTES}")
_ED25519_PUBLIC: Final = parsed_text(ed25519_public_from_hex)
_LOCATOR: Final = parsed_text(_locator)
_DECLARATION_ID: Final = byte_array(32)

_ZK_AND_ED25519: Final = record(
    "struct variant OpProof::ZkAndEd25519Sigs", {"zk_sig": zk_signature_from_json, "ed25519_sig": _ED25519_SIGNATURE}
)
_PROOF: Final[Reader[OperationProof]] = variant(
    {"Ed25519Sig": _ed25519_proof, "ZkSig": _zk_proof, "ZkAndEd25519Sigs": _zk_and_ed25519_proof},
    units={"NoProof": NoProof()},
)

_SERVICE_TYPE: Final = variant({}, units={service.value: service for service in ServiceType})
_METADATA: Final[Reader[DaActivity | BlendActivity]] = variant(
    {
        "DataAvailability": _made(
            DaActivity,
            "ActivityProof",
            {
                "current_session": u64,
                "previous_session_opinions": byte_list,
                "current_session_opinions": byte_list,
            },
        ),
        "Blend": _made(
            _blend_activity,
            "ActivityProof",
            {
                "session": u64,
                "signing_key": _ED25519_PUBLIC,
                "proof_of_quota": record(
                    "ProofOfQuota", {"key_nullifier": field_element, "proof": zk_signature_from_json}
                ),
                "proof_of_selection": record("ProofOfSelection", {"selection_randomness": field_element}),
            },
        ),
    }
)

_PAYLOADS: Final[Mapping[int, Reader[Operation]]] = {
    Opcode.INSCRIBE: _made(
        ChannelInscribe,
        "InscriptionOp",
        {"channel_id": hex32, "inscription": byte_list, "parent": hex32, "signer": _ED25519_PUBLIC},
    ),
    Opcode.BLOB: _made(
        ChannelBlob,
        "BlobOp",
        {
            "channel": hex32,
            "session": u64,
            "blob": byte_array(32),
            "blob_size": u64,
            "da_storage_gas_price": u64,
            "parent": hex32,
            "signer": _ED25519_PUBLIC,
        },
    ),
    Opcode.SET_KEYS: _made(ChannelSetKeys, "SetKeysOp", {"channel": hex32, "keys": sequence(_ED25519_PUBLIC)}),
    Opcode.SDP_DECLARE: _made(
        SDPDeclare,
        "DeclarationMessage",
        {
            "service_type": _SERVICE_TYPE,
            "locators": sequence(_LOCATOR),
            "provider_id": _ED25519_PUBLIC,
            "zk_id": field_element,
            "locked_note_id": field_element,
        },
    ),
    Opcode.SDP_WITHDRAW: _made(
        SDPWithdraw,
        "WithdrawMessage",
        {"declaration_id": _DECLARATION_ID, "locked_note_id": field_element, "nonce": u64},
    ),
    Opcode.SDP_ACTIVE: _made(
        SDPActive, "ActiveMessage", {"declaration_id": _DECLARATION_ID, "nonce": u64, "metadata": _METADATA}
    ),
    Opcode.LEADER_CLAIM: _made(
        LeaderClaim,
        "LeaderClaimOp",
        {"rewards_root": field_element, "voucher_nullifier": field_element, "mantle_tx_hash": field_element},
    ),
}


def _any_value(value: Any, _path: str) -> Any:
    return value


_WIRE_OPERATION: Final = record("WireOpDe", {"opcode": u8, "payload": _any_value})
