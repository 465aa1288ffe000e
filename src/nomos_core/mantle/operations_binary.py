"""Canonical bytes of operations (Mantle specification, Encoding), and the ids that are hashes of them.

An operation is its opcode byte and a payload. Integers are little-endian. The length of a list is one byte and wraps at
256, as in the real node: an operation with more items can be hashed, but no reader reads it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Final, TypeVar

from nomos_core import field
from nomos_core.codec import CodecError, Reader
from nomos_core.hashing import blake2b_256
from nomos_core.identifiers import (
    BlobId,
    ChannelId,
    DeclarationId,
    Ed25519PublicKey,
    MsgId,
    NoteId,
    TxHash,
    ZkPublicKey,
)
from nomos_core.keys import parse_ed25519_public
from nomos_core.mantle import multiaddr
from nomos_core.mantle.operations import (
    BlendActivity,
    ChannelBlob,
    ChannelInscribe,
    ChannelSetKeys,
    DaActivity,
    LeaderClaim,
    Opcode,
    Operation,
    SDPActive,
    SDPDeclare,
    SDPWithdraw,
    ServiceType,
)

T = TypeVar("T")

LOCATOR_LIMIT: Final = 329
"""Length of the longest locator of a declaration, in bytes of its binary form."""
GROTH16_BYTES: Final = 128
"""Length of a compressed Groth16 proof in bytes."""

_HASH_BYTES: Final = 32
_SERVICES: Final = (ServiceType.BLEND, ServiceType.DATA_AVAILABILITY)
_DA_ACTIVITY, _BLEND_ACTIVITY = 0x00, 0x01
_ACTIVITY_VERSION: Final = 0x01


def encode_operation(operation: Operation) -> bytes:
    """Return the canonical bytes of an operation: the opcode and the payload.

    Raises:
        CodecError: a locator is longer than ``LOCATOR_LIMIT``.
        MultiaddrError: a locator is not a multiaddress.
    """
    return bytes((operation.opcode,)) + encode_payload(operation)


def decode_operation(data: bytes) -> tuple[Operation, bytes]:
    """Read the operation at the front of the data. Return it and the bytes that follow it.

    Raises:
        CodecError: the data does not start with an operation.
    """
    reader = Reader(data)
    operation = read_operation(reader)
    return operation, reader.raw(reader.remaining)


def read_operation(reader: Reader) -> Operation:
    """Read the next operation.

    Raises:
        CodecError: the bytes that come next are not an operation.
    """
    opcode = reader.u8()
    if opcode not in _PAYLOAD_READERS:
        raise CodecError(
            f"unknown opcode {opcode:#04x}, expected one of {', '.join(f'{code:#04x}' for code in Opcode)}"
        )
    return _PAYLOAD_READERS[opcode](reader)


def message_id(operation: ChannelInscribe | ChannelBlob) -> MsgId:
    """Return the id of a channel message: Blake2b-256 of its payload, without the opcode."""
    return MsgId(blake2b_256(encode_payload(operation)))


def declaration_id(declaration: SDPDeclare) -> DeclarationId:
    """Return the id of a declaration.

    It is Blake2b-256 over the service's name, the provider id, the Montgomery form of ``zk_id`` and the binary
    locators, without any separator.
    """
    return DeclarationId(
        blake2b_256(
            declaration.service_type.encode(),
            declaration.provider_id,
            field.signing_bytes(declaration.zk_id),
            *map(multiaddr.to_bytes, declaration.locators),
        )
    )


@singledispatch
def encode_payload(operation: Operation) -> bytes:
    """Return the canonical payload of an operation, without its opcode.

    Raises:
        CodecError: a locator is longer than ``LOCATOR_LIMIT``.
        MultiaddrError: a locator is not a multiaddress.
    """
    raise TypeError(f"{operation!r} is not an operation")


@encode_payload.register
def _encode_inscribe(operation: ChannelInscribe) -> bytes:
    return b"".join(
        (
            operation.channel_id,
            sized(operation.inscription),
            operation.parent,
            operation.signer,
        )
    )


@encode_payload.register
def _encode_blob(operation: ChannelBlob) -> bytes:
    return b"".join(
        (
            operation.channel,
            u64(operation.session),
            operation.blob,
            u64(operation.blob_size),
            u64(operation.da_storage_gas_price),
            operation.parent,
            operation.signer,
        )
    )


@encode_payload.register
def _encode_set_keys(operation: ChannelSetKeys) -> bytes:
    return b"".join((operation.channel, count(operation.keys), *operation.keys))


@encode_payload.register
def _encode_declare(operation: SDPDeclare) -> bytes:
    return b"".join(
        (
            bytes((_SERVICES.index(operation.service_type),)),
            count(operation.locators),
            *map(_encode_locator, operation.locators),
            operation.provider_id,
            field.to_bytes(operation.zk_id),
            field.to_bytes(operation.locked_note_id),
        )
    )


@encode_payload.register
def _encode_withdraw(operation: SDPWithdraw) -> bytes:
    return operation.declaration_id + u64(operation.nonce) + field.to_bytes(operation.locked_note_id)


@encode_payload.register
def _encode_active(operation: SDPActive) -> bytes:
    return operation.declaration_id + u64(operation.nonce) + sized(encode_activity(operation.metadata))


@encode_payload.register
def _encode_leader_claim(operation: LeaderClaim) -> bytes:
    return field.to_bytes(operation.rewards_root) + field.to_bytes(operation.voucher_nullifier)


def encode_activity(metadata: DaActivity | BlendActivity) -> bytes:
    """Return the metadata of an activity report, without the length that precedes it in the operation."""
    match metadata:
        case DaActivity():
            return b"".join(
                (
                    bytes((_DA_ACTIVITY, _ACTIVITY_VERSION)),
                    u64(metadata.current_session),
                    sized(metadata.previous_session_opinions),
                    sized(metadata.current_session_opinions),
                )
            )
        case BlendActivity():
            return b"".join(
                (
                    bytes((_BLEND_ACTIVITY, _ACTIVITY_VERSION)),
                    u64(metadata.session),
                    metadata.signing_key,
                    field.to_bytes(metadata.key_nullifier),
                    metadata.proof_of_quota,
                    field.to_bytes(metadata.selection_randomness),
                )
            )


def u64(value: int) -> bytes:
    """Return eight little-endian bytes. ``value`` is from 0 to 2^64 - 1."""
    return value.to_bytes(8, "little")


def sized(data: bytes) -> bytes:
    """Return the length as ``u32``, then the bytes."""
    return len(data).to_bytes(4, "little") + data


def count(items: tuple[object, ...]) -> bytes:
    """Return the length of a list as one byte. It wraps at 256."""
    return bytes((len(items) & 0xFF,))


def _encode_locator(text: str) -> bytes:
    data = multiaddr.to_bytes(text)
    if len(data) > LOCATOR_LIMIT:
        raise CodecError(f"a locator has at most {LOCATOR_LIMIT} bytes, got {len(data)}: {text}")
    return len(data).to_bytes(2, "little") + data


def _read_inscribe(reader: Reader) -> ChannelInscribe:
    return ChannelInscribe(
        ChannelId(reader.raw(_HASH_BYTES)),
        reader.raw(reader.u32()),
        MsgId(reader.raw(_HASH_BYTES)),
        _read_ed25519_public(reader),
    )


def _read_blob(reader: Reader) -> ChannelBlob:
    return ChannelBlob(
        ChannelId(reader.raw(_HASH_BYTES)),
        reader.u64(),
        BlobId(reader.raw(_HASH_BYTES)),
        reader.u64(),
        reader.u64(),
        MsgId(reader.raw(_HASH_BYTES)),
        _read_ed25519_public(reader),
    )


def _read_set_keys(reader: Reader) -> ChannelSetKeys:
    return ChannelSetKeys(ChannelId(reader.raw(_HASH_BYTES)), _read_list(reader, _read_ed25519_public))


def _read_declare(reader: Reader) -> SDPDeclare:
    service = reader.u8()
    if service >= len(_SERVICES):
        raise CodecError(f"unknown service type {service}, expected 0 (BN) or 1 (DA)")
    return SDPDeclare(
        _SERVICES[service],
        _read_list(reader, _read_locator),
        _read_ed25519_public(reader),
        ZkPublicKey(reader.field()),
        NoteId(reader.field()),
    )


def _read_withdraw(reader: Reader) -> SDPWithdraw:
    declaration, nonce = DeclarationId(reader.raw(_HASH_BYTES)), reader.u64()
    return SDPWithdraw(declaration, NoteId(reader.field()), nonce)


def _read_active(reader: Reader) -> SDPActive:
    declaration, nonce = DeclarationId(reader.raw(_HASH_BYTES)), reader.u64()
    return SDPActive(declaration, nonce, _read_activity(Reader(reader.raw(reader.u32()))))


def _read_activity(reader: Reader) -> DaActivity | BlendActivity:
    kind, version = reader.u8(), reader.u8()
    if kind not in {_DA_ACTIVITY, _BLEND_ACTIVITY} or version != _ACTIVITY_VERSION:
        raise CodecError(f"activity metadata of type {kind} and version {version}, expected type 0 or 1 and version 1")
    metadata = _read_da_activity(reader) if kind == _DA_ACTIVITY else _read_blend_activity(reader)
    reader.end()
    return metadata


def _read_da_activity(reader: Reader) -> DaActivity:
    return DaActivity(reader.u64(), reader.raw(reader.u32()), reader.raw(reader.u32()))


def _read_blend_activity(reader: Reader) -> BlendActivity:
    return BlendActivity(
        reader.u64(), _read_ed25519_public(reader), reader.field(), reader.raw(GROTH16_BYTES), reader.field()
    )


def _read_leader_claim(reader: Reader) -> LeaderClaim:
    return LeaderClaim(reader.field(), reader.field(), TxHash(0))


def _read_locator(reader: Reader) -> str:
    size = reader.u16()
    if size > LOCATOR_LIMIT:
        raise CodecError(f"a locator has at most {LOCATOR_LIMIT} bytes, got {size}")
    try:
        return multiaddr.to_text(reader.raw(size))
    except multiaddr.MultiaddrError as error:
        raise CodecError(str(error)) from None


def _read_ed25519_public(reader: Reader) -> Ed25519PublicKey:
    try:
        return parse_ed25519_public(reader.raw(_HASH_BYTES))
    except CodecError:
        raise
    except ValueError as error:
        raise CodecError(str(error)) from None


def _read_list(reader: Reader, read_item: Callable[[Reader], T]) -> tuple[T, ...]:
    return tuple(read_item(reader) for _ in range(reader.u8()))


_PAYLOAD_READERS: Final[Mapping[int, Callable[[Reader], Operation]]] = {
    Opcode.INSCRIBE: _read_inscribe,
    Opcode.BLOB: _read_blob,
    Opcode.SET_KEYS: _read_set_keys,
    Opcode.SDP_DECLARE: _read_declare,
    Opcode.SDP_WITHDRAW: _read_withdraw,
    Opcode.SDP_ACTIVE: _read_active,
    Opcode.LEADER_CLAIM: _read_leader_claim,
}
