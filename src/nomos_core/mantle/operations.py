"""Operations that a Mantle transaction can have, and their proofs (Mantle specification, Operations).

These are values only. Their JSON is in ``operations_json``, their canonical bytes are in ``operations_binary``.
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
    """Byte that names the kind of an operation, in JSON and in binary."""

    INSCRIBE = 0x00
    """Write a text into a channel: ``ChannelInscribe``."""
    BLOB = 0x01
    """Announce a blob in a channel: ``ChannelBlob``."""
    SET_KEYS = 0x02
    """Replace the keys of a channel: ``ChannelSetKeys``."""
    SDP_DECLARE = 0x20
    """Declare a service: ``SDPDeclare``."""
    SDP_WITHDRAW = 0x21
    """Withdraw a declaration: ``SDPWithdraw``."""
    SDP_ACTIVE = 0x22
    """Report activity for a declaration: ``SDPActive``."""
    LEADER_CLAIM = 0x30
    """Claim a leader's reward: ``LeaderClaim``."""


class ServiceType(StrEnum):
    """Service that a provider can declare. The value is its name in JSON and in the declaration's id."""

    BLEND = "BN"
    """Blend, the mix network through which leaders send their proposals; byte 0 in binary."""
    DATA_AVAILABILITY = "DA"
    """Data availability network, which stores the columns of blobs; byte 1 in binary."""


@dataclass(frozen=True, slots=True)
class ChannelInscribe:
    """Message in a channel that holds its content itself."""

    opcode: ClassVar = Opcode.INSCRIBE
    channel_id: ChannelId
    """Channel to write to. An unknown channel is created."""
    inscription: bytes
    """Content, any bytes; at most 2^32 - 1 of them have a binary form."""
    parent: MsgId
    """Tip of the channel: the id of its last message; ``ROOT_MSG_ID`` for the first message."""
    signer: Ed25519PublicKey
    """Public key that signs the transaction. It must be one of the channel's keys."""


@dataclass(frozen=True, slots=True)
class ChannelBlob:
    """Message in a channel that names a blob of the data availability network."""

    opcode: ClassVar = Opcode.BLOB
    channel: ChannelId
    """Channel to write to. An unknown channel is created."""
    session: int
    """Session of the data availability service in which the blob was dispersed."""
    blob: BlobId
    """Id of the blob."""
    blob_size: int
    """Length of the blob in bytes, an unsigned 64-bit number. Gas is computed from it."""
    da_storage_gas_price: int
    """Units of value for each byte of the blob, an unsigned 64-bit number."""
    parent: MsgId
    """Tip of the channel: the id of its last message; ``ROOT_MSG_ID`` for the first message."""
    signer: Ed25519PublicKey
    """Public key that signs the transaction. It must be one of the channel's keys."""


@dataclass(frozen=True, slots=True)
class ChannelSetKeys:
    """Replacement of a channel's keys."""

    opcode: ClassVar = Opcode.SET_KEYS
    channel: ChannelId
    """Channel whose keys are replaced. An unknown channel is created, without any check of the signature."""
    keys: tuple[Ed25519PublicKey, ...]
    """New keys, at least one; the first is the administrator, who signs the next replacement."""


@dataclass(frozen=True, slots=True)
class SDPDeclare:
    """Declaration of a provider for one service."""

    opcode: ClassVar = Opcode.SDP_DECLARE
    service_type: ServiceType
    """Service that the provider offers."""
    locators: tuple[str, ...]
    """Addresses of the provider: multiaddresses in text form, each at most ``LOCATOR_LIMIT`` bytes in binary form."""
    provider_id: Ed25519PublicKey
    """Ed25519 public key of the provider. It signs the transaction."""
    zk_id: ZkPublicKey
    """Zero-knowledge public key of the provider. It signs the transaction, together with the note's key."""
    locked_note_id: NoteId
    """Note to lock as the stake. It must be unspent and worth the minimum stake."""


@dataclass(frozen=True, slots=True)
class SDPWithdraw:
    """Withdrawal of a declaration, which unlocks its note."""

    opcode: ClassVar = Opcode.SDP_WITHDRAW
    declaration_id: DeclarationId
    """Declaration to withdraw."""
    locked_note_id: NoteId
    """Note of the declaration. The ledger does not check it."""
    nonce: int
    """Unsigned 64-bit number, greater than the declaration's."""


@dataclass(frozen=True, slots=True)
class DaActivity:
    """Activity report of a data availability provider: its opinions on other providers."""

    current_session: int
    """Number of the session it reports on: the one before the active session."""
    previous_session_opinions: bytes
    """Opinions on the providers of the session before it, ``opinion_bytes`` long."""
    current_session_opinions: bytes
    """Opinions on the providers of that session, ``opinion_bytes`` long."""


@dataclass(frozen=True, slots=True)
class BlendActivity:
    """Activity report of a Blend provider: a proof of quota and a proof of selection."""

    session: int
    """Number of the session it reports on: the one before the active session."""
    signing_key: Ed25519PublicKey
    """Ed25519 public key that the report names."""
    key_nullifier: int
    """Field element: nullifier of the proof of quota."""
    proof_of_quota: bytes
    """128 bytes: a compressed Groth16 proof."""
    selection_randomness: int
    """Field element: the only content of the proof of selection."""


@dataclass(frozen=True, slots=True)
class SDPActive:
    """Activity report for a declaration, which keeps the declaration from expiring."""

    opcode: ClassVar = Opcode.SDP_ACTIVE
    declaration_id: DeclarationId
    """Declaration of the provider that reports."""
    nonce: int
    """Unsigned 64-bit number, greater than the declaration's."""
    metadata: DaActivity | BlendActivity
    """Report; its kind must be that of the declared service."""


@dataclass(frozen=True, slots=True)
class LeaderClaim:
    """Claim of a leader's reward.

    No node can include one: the protocol does not define the encoding of its proof yet.
    """

    opcode: ClassVar = Opcode.LEADER_CLAIM
    rewards_root: int
    """Field element. No rule of this revision reads it."""
    voucher_nullifier: int
    """Field element. No rule of this revision reads it."""
    mantle_tx_hash: TxHash
    """Hash of a transaction. It is only in JSON: the binary form leaves it out and reads it as 0."""


Operation = ChannelInscribe | ChannelBlob | ChannelSetKeys | SDPDeclare | SDPWithdraw | SDPActive | LeaderClaim
"""Any operation."""
ChannelOperation = ChannelInscribe | ChannelBlob | ChannelSetKeys
"""Operation on a channel."""


@dataclass(frozen=True, slots=True)
class NoProof:
    """Absence of a proof. Only the genesis inscription may have it."""


@dataclass(frozen=True, slots=True)
class Ed25519Proof:
    """Proof of a channel operation."""

    signature: Ed25519Signature
    """Signature over the signing bytes of the transaction hash."""


@dataclass(frozen=True, slots=True)
class ZkProof:
    """Proof of a withdrawal or an activity report."""

    signature: ZkSignature
    """Zero-knowledge signature of the locked note's key and the provider's ``zk_id`` over the transaction hash."""


@dataclass(frozen=True, slots=True)
class ZkAndEd25519Proof:
    """Proof of a declaration."""

    zk_signature: ZkSignature
    """Zero-knowledge signature of the locked note's key and the provider's ``zk_id`` over the transaction hash."""
    ed25519_signature: Ed25519Signature
    """Signature of ``provider_id`` over the signing bytes of the transaction hash."""


OperationProof = NoProof | Ed25519Proof | ZkProof | ZkAndEd25519Proof
"""Any proof of an operation."""
