"""The operations a Mantle transaction can carry, and the proofs that go with them (Mantle specification, Operations).

Values only. JSON is in ``operations_json``, the canonical bytes are in ``operations_binary``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar

from nomos_core.identifiers import (
    BlobId,
    ChannelId,
    DeclarationId,
    Ed25519PublicKey,
    Ed25519Signature,
    MsgId,
    NoteId,
    TxHash,
    ZkPublicKey,
    ZkSignature,
)


class Opcode(IntEnum):
    INSCRIBE = 0x00
    BLOB = 0x01
    SET_KEYS = 0x02
    SDP_DECLARE = 0x20
    SDP_WITHDRAW = 0x21
    SDP_ACTIVE = 0x22
    LEADER_CLAIM = 0x30


class ServiceType(StrEnum):
    BLEND = "BN"
    DATA_AVAILABILITY = "DA"


@dataclass(frozen=True, slots=True)
class ChannelInscribe:
    opcode: ClassVar = Opcode.INSCRIBE
    channel_id: ChannelId
    inscription: bytes
    parent: MsgId
    signer: Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class ChannelBlob:
    opcode: ClassVar = Opcode.BLOB
    channel: ChannelId
    session: int
    blob: BlobId
    blob_size: int
    da_storage_gas_price: int
    parent: MsgId
    signer: Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class ChannelSetKeys:
    opcode: ClassVar = Opcode.SET_KEYS
    channel: ChannelId
    keys: tuple[Ed25519PublicKey, ...]


@dataclass(frozen=True, slots=True)
class SDPDeclare:
    opcode: ClassVar = Opcode.SDP_DECLARE
    service_type: ServiceType
    locators: tuple[str, ...]
    """Multiaddresses in their text form."""
    provider_id: Ed25519PublicKey
    zk_id: ZkPublicKey
    locked_note_id: NoteId


@dataclass(frozen=True, slots=True)
class SDPWithdraw:
    opcode: ClassVar = Opcode.SDP_WITHDRAW
    declaration_id: DeclarationId
    locked_note_id: NoteId
    nonce: int


@dataclass(frozen=True, slots=True)
class DaActivity:
    current_session: int
    previous_session_opinions: bytes
    current_session_opinions: bytes


@dataclass(frozen=True, slots=True)
class BlendActivity:
    session: int
    signing_key: Ed25519PublicKey
    key_nullifier: int
    """Of the proof of quota, as the field below."""
    proof_of_quota: bytes
    """128 bytes, a compressed Groth16 proof."""
    selection_randomness: int
    """All there is in the proof of selection."""


@dataclass(frozen=True, slots=True)
class SDPActive:
    opcode: ClassVar = Opcode.SDP_ACTIVE
    declaration_id: DeclarationId
    nonce: int
    metadata: DaActivity | BlendActivity


@dataclass(frozen=True, slots=True)
class LeaderClaim:
    """No node can include one yet: the protocol has no encoding of its proof."""

    opcode: ClassVar = Opcode.LEADER_CLAIM
    rewards_root: int
    voucher_nullifier: int
    mantle_tx_hash: TxHash
    """Only in JSON; the binary form leaves it out and reads it as zero."""


Operation = ChannelInscribe | ChannelBlob | ChannelSetKeys | SDPDeclare | SDPWithdraw | SDPActive | LeaderClaim
ChannelOperation = ChannelInscribe | ChannelBlob | ChannelSetKeys


@dataclass(frozen=True, slots=True)
class NoProof:
    """What the genesis inscription carries; no other operation may."""


@dataclass(frozen=True, slots=True)
class Ed25519Proof:
    signature: Ed25519Signature


@dataclass(frozen=True, slots=True)
class ZkProof:
    signature: ZkSignature


@dataclass(frozen=True, slots=True)
class ZkAndEd25519Proof:
    zk_signature: ZkSignature
    ed25519_signature: Ed25519Signature


OperationProof = NoProof | Ed25519Proof | ZkProof | ZkAndEd25519Proof
