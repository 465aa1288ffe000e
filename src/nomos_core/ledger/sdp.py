"""State machine of the Service Declaration Protocol (SDP): sessions, and the messages declare, active and withdraw.

A session of a service lasts ``session_duration`` blocks and has a snapshot of the declarations. At its end the forming
snapshot becomes the active one, and a new snapshot is formed from the declarations of that moment. A declaration made
in session ``s`` therefore serves from session ``s + 2`` on. Expired declarations are dropped only at such a boundary,
and their notes stay locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rpds import HashTrieMap

from nomos_core import field as scalar_field
from nomos_core.identifiers import DeclarationId, TxHash
from nomos_core.keys import ed25519_verify
from nomos_core.ledger import errors
from nomos_core.ledger.activity import BlendReports, DaReports, Reports, Session
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.ledger.declarations import Declaration, Declarations, LockedNotes, lock, unlock
from nomos_core.mantle.operations import (
    SDPActive,
    SDPDeclare,
    SDPWithdraw,
    ServiceType,
    ZkAndEd25519Proof,
    ZkProof,
)
from nomos_core.mantle.operations_binary import declaration_id
from nomos_core.mantle.transactions import Note
from nomos_core.proofs.prover import Verifier


@dataclass(frozen=True, slots=True)
class ServiceState:
    """State of one service: its declarations, its sessions and the activity reports of the active session."""

    declarations: Declarations
    """Declarations that hold now. They change with every message."""
    active: Session
    """Session of the current block."""
    forming: Session
    """Next session. Its declarations are those that held when the active session began."""
    reports: Reports
    """Activity reports accepted in the active session."""


def _new_services() -> Mapping[ServiceType, ServiceState]:
    none: Declarations = HashTrieMap()
    active, forming = Session(0, none), Session(1, none)
    return {
        ServiceType.BLEND: ServiceState(none, active, forming, BlendReports()),
        ServiceType.DATA_AVAILABILITY: ServiceState(none, active, forming, DaReports(active, active)),
    }


@dataclass(frozen=True, slots=True)
class SdpState:
    """State of all services, and the notes that their declarations lock."""

    services: Mapping[ServiceType, ServiceState] = field(default_factory=_new_services)
    """State of every service."""
    locked_notes: LockedNotes = field(default_factory=HashTrieMap)
    """Notes locked by a declaration of any service."""

    def with_service(self, service: ServiceType, state: ServiceState) -> SdpState:
        """Return this state with another state of one service."""
        return replace(self, services={**self.services, service: state})

    def find(self, wanted: DeclarationId) -> tuple[ServiceState, Declaration]:
        """Return a declaration, and the state of the service that holds it.

        Raises:
            LedgerError: ``Mantle.Sdp.DeclarationNotFound``.
        """
        for state in self.services.values():
            if declaration := state.declarations.get(wanted):
                return state, declaration
        raise errors.declaration_not_found(wanted)


@dataclass(frozen=True, slots=True)
class MessageContext:
    """Surroundings of an SDP message: its block, its transaction, the rules and the verifier of its proofs."""

    block_number: int
    """Number of the block that the message is in; genesis is block 0."""
    tx_hash: TxHash
    """Hash of the Mantle transaction. The proofs of the message sign it."""
    config: LedgerConfig
    """Rules of the network."""
    verifier: Verifier
    """Verifier of zero-knowledge signatures."""


def enter_block(state: SdpState, block_number: int, config: LedgerConfig) -> SdpState:
    """Move to the next block. Where it is the first block of a session, the service changes sessions."""
    services = {
        service: _enter_block(service_state, block_number, config.services[service], config)
        for service, service_state in state.services.items()
    }
    return replace(state, services=services)


def start_with_declared(state: SdpState) -> SdpState:
    """Let the genesis declarations serve at once: in session 0 (active) and in session 1 (forming)."""
    started = {
        service: replace(
            service_state,
            active=replace(service_state.active, declarations=service_state.declarations),
            forming=replace(service_state.forming, declarations=service_state.declarations),
        )
        for service, service_state in state.services.items()
    }
    return replace(state, services=started)


def declare(
    state: SdpState, operation: SDPDeclare, note: Note, proof: ZkAndEd25519Proof, context: MessageContext
) -> SdpState:
    """Add a declaration and lock ``note``, which the declaration names.

    The note's key and the provider's ``zk_id`` must have signed the transaction hash, and ``provider_id`` its signing
    bytes.

    Raises:
        LedgerError: ``Mantle.Sdp.`` with ``InvalidSignature``, ``DuplicateDeclaration``,
            ``LockingError.NoteInsufficientValue`` or ``LockingError.NoteAlreadyUsedForService``.
    """
    signed = context.verifier.verify((note.public_key, operation.zk_id), context.tx_hash, proof.zk_signature)
    message = scalar_field.signing_bytes(context.tx_hash)
    if not signed or not ed25519_verify(operation.provider_id, message, proof.ed25519_signature):
        raise errors.invalid_declaration_signature()
    service = state.services[operation.service_type]
    identifier = declaration_id(operation)
    if identifier in service.declarations:
        raise errors.duplicate_declaration(identifier)
    locked = lock(
        state.locked_notes, operation.locked_note_id, note, operation.service_type, context.config.minimum_stake
    )
    declared = service.declarations.insert(identifier, Declaration.of(operation, context.block_number))
    return replace(state, locked_notes=locked).with_service(
        operation.service_type, replace(service, declarations=declared)
    )


def report_activity(state: SdpState, operation: SDPActive, proof: ZkProof, context: MessageContext) -> SdpState:
    """Accept a provider's activity report and renew its declaration, so that it does not expire.

    The nonce must be greater than the declaration's. The locked note's key and ``zk_id`` must have signed the
    transaction hash.

    Raises:
        LedgerError: ``Mantle.Sdp.`` with ``DeclarationNotFound``, ``InvalidNonce``, ``InvalidSignature`` or
            ``RewardsError`` and its cause.
    """
    # The order of these checks is the real node's: it decides which error a message with two faults gets.
    service, declaration = state.find(operation.declaration_id)
    _check_nonce(operation.nonce, declaration)
    _check_signature(state, declaration, proof, context)
    reports = service.reports.accept(declaration.provider_id, operation.metadata)
    renewed = replace(declaration, active=context.block_number)
    declarations = service.declarations.insert(operation.declaration_id, renewed)
    return state.with_service(declaration.service_type, replace(service, reports=reports, declarations=declarations))


def withdraw(state: SdpState, operation: SDPWithdraw, proof: ZkProof, context: MessageContext) -> SdpState:
    """Remove a declaration and unlock its note.

    As in the real node, the message's own ``locked_note_id`` is not checked.

    Raises:
        LedgerError: ``Mantle.Sdp.`` with ``DeclarationNotFound``, ``InvalidNonce``, ``WithdrawalWhileLocked`` or
            ``InvalidSignature``.
    """
    # The order of these checks is the real node's: it decides which error a message with two faults gets.
    service, declaration = state.find(operation.declaration_id)
    _check_nonce(operation.nonce, declaration)
    parameters = context.config.services[declaration.service_type]
    if declaration.created + parameters.lock_period >= context.block_number:
        raise errors.withdrawal_while_locked()
    _check_signature(state, declaration, proof, context)
    locked = unlock(state.locked_notes, declaration.locked_note_id, declaration.service_type)
    remaining = service.declarations.remove(operation.declaration_id)
    return replace(state, locked_notes=locked).with_service(
        declaration.service_type, replace(service, declarations=remaining)
    )


def _enter_block(
    state: ServiceState, block_number: int, parameters: ServiceParameters, config: LedgerConfig
) -> ServiceState:
    if parameters.session_at(block_number) == state.active.number:
        return state
    kept = _without_expired(state.declarations, block_number, parameters)
    return ServiceState(
        reports=state.reports.next_session(state.active, config.blend_minimum_network_size),
        declarations=kept,
        active=state.forming,
        forming=Session(state.forming.number + 1, kept),
    )


def _without_expired(declarations: Declarations, block_number: int, parameters: ServiceParameters) -> Declarations:
    for identifier, declaration in declarations.items():
        if parameters.expires_before(declaration.active, block_number):
            declarations = declarations.remove(identifier)
    return declarations


def _check_nonce(nonce: int, declaration: Declaration) -> None:
    if nonce <= declaration.nonce:
        raise errors.invalid_nonce(nonce)


def _check_signature(state: SdpState, declaration: Declaration, proof: ZkProof, context: MessageContext) -> None:
    """Check that the key of the locked note and the provider's ``zk_id`` signed the transaction."""
    note = state.locked_notes[declaration.locked_note_id].note
    if not context.verifier.verify((note.public_key, declaration.zk_id), context.tx_hash, proof.signature):
        raise errors.invalid_declaration_signature()
