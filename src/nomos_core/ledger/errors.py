"""Errors of the ledger: one for each rule by which a header or a transaction is refused.

There is one exception class. Its ``path`` names the broken rule: the reference node's nested error variants, outermost
first. Its text is the sentence that the reference node logs. That node prints identifiers as Rust's ``Debug`` does, so
this module does too.
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
    """Refusal by a rule of the ledger. The state that the header or transaction was applied to is unchanged."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self.path = path
        """Name of the broken rule, for example ``Mantle.Channel.InvalidParent``."""


def invalid_slot(parent: int, block: int) -> LedgerError:
    """Report a header whose slot is not after its parent's slot."""
    return LedgerError("InvalidSlot", f"Invalid block slot Slot({block}) for parent slot Slot({parent})")


def parent_not_found(parent: HeaderId) -> LedgerError:
    """Report a block whose parent has no ledger state."""
    return LedgerError("ParentNotFound", f"Parent block not found: {_bytes(parent)}")


def invalid_proof() -> LedgerError:
    """Report a proof of leadership, or a proof over a transaction's inputs, that does not hold.

    Both have the same text.
    """
    return LedgerError("InvalidProof", "Invalid leader proof")


def invalid_note(note_id: NoteId) -> LedgerError:
    """Report an input that is not an unspent note, or that the transaction spends twice."""
    return LedgerError("InvalidNote", f"Invalid note: {_note(note_id)}")


def locked_note(note_id: NoteId) -> LedgerError:
    """Report an input that a declaration locks."""
    return LedgerError("LockedNote", f"Locked note: {_note(note_id)}")


def zero_value_note() -> LedgerError:
    """Report an output of value 0. Only the genesis transaction may have one."""
    return LedgerError("ZeroValueNote", "Zero value note")


def insufficient_balance() -> LedgerError:
    """Report a transaction whose inputs, less its outputs, are worth less than its fee."""
    return LedgerError("InsufficientBalance", "Insufficient balance")


def unbalanced_transaction() -> LedgerError:
    """Report a transaction whose inputs, less its outputs, are worth more than its fee. They must be equal."""
    return LedgerError("UnbalancedTransaction", "Unbalanced transaction, balance does not match fees")


def mismatched_proof(reason: str) -> LedgerError:
    """Report an operation whose proof is of a kind without a gas price.

    The reference node panics; this ledger refuses.
    """
    return LedgerError("MismatchedProof", reason)


def unsupported_operation() -> LedgerError:
    """Report an operation that can't be applied: a leader claim, or a proof of the wrong kind."""
    return LedgerError("Mantle.UnsupportedOp", "Mantle error: Unsupported operation")


def note_not_found(note_id: NoteId) -> LedgerError:
    """Report a declaration whose locked note is not an unspent note."""
    return LedgerError("Mantle.NoteNotFound", f"Mantle error: Note not found: {_note(note_id)}")


def invalid_parent(channel: ChannelId, parent: MsgId, tip: MsgId) -> LedgerError:
    """Report a channel message whose parent is not the tip of its channel."""
    text = f"Invalid parent {_bytes(parent)} for channel ChannelId({_bytes(channel)}), expected {_bytes(tip)}"
    return LedgerError("Mantle.Channel.InvalidParent", f"Mantle error: {text}")


def unauthorized_signer(channel: ChannelId, signer: Ed25519PublicKey) -> LedgerError:
    """Report a channel message whose signer is not one of the channel's keys."""
    text = f'Unauthorized signer "{_public_key(signer)}" for channel ChannelId({_bytes(channel)})'
    return LedgerError("Mantle.Channel.UnauthorizedSigner", f"Mantle error: {text}")


def invalid_channel_signature() -> LedgerError:
    """Report a change of a channel's keys that the administrator's key did not sign."""
    return LedgerError("Mantle.Channel.InvalidSignature", "Mantle error: Invalid signature")


def empty_keys(channel: ChannelId) -> LedgerError:
    """Report a change of a channel's keys that leaves no key."""
    text = f"Mantle error: Invalid keys for channel ChannelId({_bytes(channel)})"
    return LedgerError("Mantle.Channel.EmptyKeys", text)


def declaration_not_found(declaration_id: DeclarationId) -> LedgerError:
    """Report a message on a declaration that does not exist."""
    return _sdp("DeclarationNotFound", f"DeclarationNotFound(DeclarationId({_bytes(declaration_id)}))")


def duplicate_declaration(declaration_id: DeclarationId) -> LedgerError:
    """Report a declaration that exists already for its service."""
    return _sdp("DuplicateDeclaration", f"DuplicateDeclaration(DeclarationId({_bytes(declaration_id)}))")


def withdrawal_while_locked() -> LedgerError:
    """Report a withdrawal within the lock period."""
    return _sdp("WithdrawalWhileLocked", "WithdrawalWhileLocked")


def invalid_nonce(nonce: int) -> LedgerError:
    """Report a message whose nonce is not greater than the declaration's."""
    return _sdp("InvalidNonce", f"InvalidNonce({nonce})")


def invalid_declaration_signature() -> LedgerError:
    """Report a declaration, an activity or a withdrawal with a signature that does not hold."""
    return _sdp("InvalidSignature", "InvalidSignature")


def genesis_declaration_without_proof() -> LedgerError:
    """Report a declaration of the genesis transaction whose proof is not ``ZkAndEd25519Proof``."""
    return _sdp("InvalidProof", "InvalidProof")


def genesis_note_not_found(note_id: NoteId) -> LedgerError:
    """Report a declaration of the genesis transaction whose note is not among the genesis notes."""
    return _sdp("NoteNotFound", f"NoteNotFound({_note(note_id)})")


def note_insufficient_value(note_id: NoteId, value: int) -> LedgerError:
    """Report a declaration whose note is worth less than the minimum stake."""
    return _locking("NoteInsufficientValue", f"note_id: {_note(note_id)}, value: {value}")


def note_already_used(note_id: NoteId, service: ServiceType) -> LedgerError:
    """Report a declaration whose note is already locked for the same service."""
    return _locking("NoteAlreadyUsedForService", f"note_id: {_note(note_id)}, service_type: {_SERVICE_NAMES[service]}")


def target_session_not_set() -> LedgerError:
    """Report Blend activity while there is no target session: the session before had too few providers."""
    return _rewards("TargetSessionNotSet")


def invalid_session(expected: int, got: int) -> LedgerError:
    """Report activity of another session than the target."""
    return _rewards("InvalidSession", f"expected: {expected}, got: {got}")


def invalid_opinion_length(expected: int, got: int) -> LedgerError:
    """Report activity whose vector of opinions has another length than ``opinion_bytes``."""
    return _rewards("InvalidOpinionLength", f"expected: {expected}, got: {got}")


def duplicate_active_message(session: int, provider: Ed25519PublicKey) -> LedgerError:
    """Report a second activity of one provider in one session."""
    fields = f"session: {session}, provider_id: ProviderId({_public_key(provider)})"
    return _rewards("DuplicateActiveMessage", fields)


def invalid_activity_type() -> LedgerError:
    """Report activity whose metadata belongs to another service."""
    return _rewards("InvalidProofType")


def invalid_activity_proof() -> LedgerError:
    """Report Blend activity whose proof of quota is refused."""
    return _rewards("InvalidProof")


def unknown_provider(provider: Ed25519PublicKey) -> LedgerError:
    """Report Blend activity of a provider that did not serve in the target session."""
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
    """Format a key as the reference node does, without the coordinates of the curve point that it prints as well."""
    return f"PublicKey(VerifyingKey(CompressedEdwardsY: {_bytes(key)}))"
