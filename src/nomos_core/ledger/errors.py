"""Why the ledger refuses a header or a transaction.

One exception class; the rule that was broken is its ``path`` (the reference node's nested error variants, outermost
first) and its text is the sentence the reference node logs. That node prints identifiers the way Rust's ``Debug`` does,
so this module does too.
"""

from __future__ import annotations

from nomos_core import field
from nomos_core.identifiers import (
    ChannelId,
    DeclarationId,
    Ed25519PublicKey,
    HeaderId,
    MsgId,
    NoteId,
)
from nomos_core.mantle.operations import ServiceType

_SERVICE_NAMES = {ServiceType.BLEND: "BlendNetwork", ServiceType.DATA_AVAILABILITY: "DataAvailability"}


class LedgerError(Exception):
    """A rule of the ledger is broken; the state it was applied to is unchanged."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self.path = path
        """The broken rule, like ``Mantle.Channel.InvalidParent``."""


def invalid_slot(parent: int, block: int) -> LedgerError:
    return LedgerError("InvalidSlot", f"Invalid block slot Slot({block}) for parent slot Slot({parent})")


def parent_not_found(parent: HeaderId) -> LedgerError:
    return LedgerError("ParentNotFound", f"Parent block not found: {_bytes(parent)}")


def invalid_proof() -> LedgerError:
    """A proof of leadership or of a transaction's inputs: the reference node has one text for both."""
    return LedgerError("InvalidProof", "Invalid leader proof")


def invalid_note(note_id: NoteId) -> LedgerError:
    return LedgerError("InvalidNote", f"Invalid note: {_note(note_id)}")


def locked_note(note_id: NoteId) -> LedgerError:
    return LedgerError("LockedNote", f"Locked note: {_note(note_id)}")


def zero_value_note() -> LedgerError:
    return LedgerError("ZeroValueNote", "Zero value note")


def insufficient_balance() -> LedgerError:
    return LedgerError("InsufficientBalance", "Insufficient balance")


def unbalanced_transaction() -> LedgerError:
    return LedgerError("UnbalancedTransaction", "Unbalanced transaction, balance does not match fees")


def mismatched_proof(reason: str) -> LedgerError:
    """An operation's proof is of a kind that has no gas price. The reference node dies of it; this ledger refuses."""
    return LedgerError("MismatchedProof", reason)


def unsupported_operation() -> LedgerError:
    return LedgerError("Mantle.UnsupportedOp", "Mantle error: Unsupported operation")


def note_not_found(note_id: NoteId) -> LedgerError:
    return LedgerError("Mantle.NoteNotFound", f"Mantle error: Note not found: {_note(note_id)}")


def invalid_parent(channel: ChannelId, parent: MsgId, tip: MsgId) -> LedgerError:
    text = f"Invalid parent {_bytes(parent)} for channel ChannelId({_bytes(channel)}), expected {_bytes(tip)}"
    return LedgerError("Mantle.Channel.InvalidParent", f"Mantle error: {text}")


def unauthorized_signer(channel: ChannelId, signer: Ed25519PublicKey) -> LedgerError:
    text = f'Unauthorized signer "{_public_key(signer)}" for channel ChannelId({_bytes(channel)})'
    return LedgerError("Mantle.Channel.UnauthorizedSigner", f"Mantle error: {text}")


def invalid_channel_signature() -> LedgerError:
    return LedgerError("Mantle.Channel.InvalidSignature", "Mantle error: Invalid signature")


def empty_keys(channel: ChannelId) -> LedgerError:
    text = f"Mantle error: Invalid keys for channel ChannelId({_bytes(channel)})"
    return LedgerError("Mantle.Channel.EmptyKeys", text)


def declaration_not_found(declaration_id: DeclarationId) -> LedgerError:
    return _sdp("DeclarationNotFound", f"DeclarationNotFound(DeclarationId({_bytes(declaration_id)}))")


def duplicate_declaration(declaration_id: DeclarationId) -> LedgerError:
    return _sdp("DuplicateDeclaration", f"DuplicateDeclaration(DeclarationId({_bytes(declaration_id)}))")


def withdrawal_while_locked() -> LedgerError:
    return _sdp("WithdrawalWhileLocked", "WithdrawalWhileLocked")


def invalid_nonce(nonce: int) -> LedgerError:
    return _sdp("InvalidNonce", f"InvalidNonce({nonce})")


def invalid_declaration_signature() -> LedgerError:
    return _sdp("InvalidSignature", "InvalidSignature")


def genesis_declaration_without_proof() -> LedgerError:
    return _sdp("InvalidProof", "InvalidProof")


def genesis_note_not_found(note_id: NoteId) -> LedgerError:
    return _sdp("NoteNotFound", f"NoteNotFound({_note(note_id)})")


def note_insufficient_value(note_id: NoteId, value: int) -> LedgerError:
    return _locking("NoteInsufficientValue", f"note_id: {_note(note_id)}, value: {value}")


def note_already_used(note_id: NoteId, service: ServiceType) -> LedgerError:
    return _locking("NoteAlreadyUsedForService", f"note_id: {_note(note_id)}, service_type: {_SERVICE_NAMES[service]}")


def target_session_not_set() -> LedgerError:
    return _rewards("TargetSessionNotSet")


def invalid_session(expected: int, got: int) -> LedgerError:
    return _rewards("InvalidSession", f"expected: {expected}, got: {got}")


def invalid_opinion_length(expected: int, got: int) -> LedgerError:
    return _rewards("InvalidOpinionLength", f"expected: {expected}, got: {got}")


def duplicate_active_message(session: int, provider: Ed25519PublicKey) -> LedgerError:
    fields = f"session: {session}, provider_id: ProviderId({_public_key(provider)})"
    return _rewards("DuplicateActiveMessage", fields)


def invalid_activity_type() -> LedgerError:
    return _rewards("InvalidProofType")


def invalid_activity_proof() -> LedgerError:
    return _rewards("InvalidProof")


def unknown_provider(provider: Ed25519PublicKey) -> LedgerError:
    text = f"RewardsError(UnknownProvider(ProviderId({_public_key(provider)})))"
    return _sdp("RewardsError.UnknownProvider", text)


def _sdp(variant: str, debug: str) -> LedgerError:
    return LedgerError(f"Mantle.Sdp.{variant}", f"Mantle error: Sdp ledger error: {debug}")


def _locking(variant: str, fields: str) -> LedgerError:
    return _sdp(f"LockingError.{variant}", f"LockingError({variant} {{ {fields} }})")


def _rewards(variant: str, fields: str = "") -> LedgerError:
    debug = f"{variant} {{ {fields} }}" if fields else variant
    return _sdp(f"RewardsError.{variant}", f"RewardsError({debug})")


def _bytes(data: bytes) -> str:
    return str(list(data))


def _note(note_id: NoteId) -> str:
    data = field.to_bytes(note_id)
    limbs = [int.from_bytes(data[start : start + 8], "little") for start in range(0, field.BYTES, 8)]
    return f"NoteId(BigInt({limbs}))"


def _public_key(key: Ed25519PublicKey) -> str:
    """The reference node also prints the coordinates of the decompressed curve point; those are left out."""
    return f"PublicKey(VerifyingKey(CompressedEdwardsY: {_bytes(key)}))"
