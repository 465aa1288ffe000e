"""Ledger state of one block, and the transitions that make the next one: header, transaction, block, genesis.

A state is a value. It shares its unchanged parts with the state of its parent, so a node can keep one state for every
block of every fork. A transition returns a new state or raises ``LedgerError``. It never changes the state that it was
given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rpds import HashTrieMap

from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.header import LeaderProof, LeaderPublic
from nomos_core.identifiers import DeclarationId, Ed25519PublicKey, ZkPublicKey
from nomos_core.ledger import consensus, errors, sdp
from nomos_core.ledger.channels import Channels, apply_message, apply_set_keys
from nomos_core.ledger.config import LedgerConfig
from nomos_core.ledger.consensus import ConsensusState, EpochState
from nomos_core.ledger.declarations import Declaration, LockedNotes, in_id_order
from nomos_core.ledger.sdp import MessageContext, SdpState
from nomos_core.ledger.transfers import apply_transfer
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.gas import gas_cost
from nomos_core.mantle.genesis import validate_genesis
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.operation_proofs import OperationProofError
from nomos_core.mantle.operations import (
    ChannelBlob,
    ChannelInscribe,
    ChannelSetKeys,
    Ed25519Proof,
    Operation,
    OperationProof,
    SDPActive,
    SDPDeclare,
    SDPWithdraw,
    ServiceType,
    ZkAndEd25519Proof,
    ZkProof,
)
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.proofs.prover import Verifier


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """Addresses and key of a provider that serves in a session."""

    locators: tuple[str, ...]
    """Multiaddresses of the provider, in text form."""
    zk_id: ZkPublicKey
    """Zero-knowledge public key of the provider."""


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Complete ledger state after one block."""

    block_number: int
    """Blocks since genesis, whose number is 0."""
    consensus: ConsensusState
    """Slot, nonce, notes and epoch snapshots."""
    channels: Channels
    """Channels and their tips."""
    sdp: SdpState
    """Service declarations, sessions and locked notes."""

    @property
    def slot(self) -> int:
        """Slot of the block."""
        return self.consensus.slot

    @property
    def nonce(self) -> int:
        """Running nonce, a field element. The nonces of the following epochs are snapshots of it."""
        return self.consensus.nonce

    @property
    def utxos(self) -> UtxoTree:
        """Notes that are unspent after the block."""
        return self.consensus.utxos

    @property
    def epoch_state(self) -> EpochState:
        """Snapshot from which the leaders of this block's epoch are drawn."""
        return self.consensus.epoch_state

    @property
    def next_epoch_state(self) -> EpochState:
        """Snapshot for the next epoch, as far as it is known."""
        return self.consensus.next_epoch_state

    @property
    def locked_notes(self) -> LockedNotes:
        """Notes that declarations lock."""
        return self.sdp.locked_notes

    @property
    def declarations(self) -> dict[DeclarationId, Declaration]:
        """Declarations of all services, in the order of their ids."""
        every = [item for service in self.sdp.services.values() for item in in_id_order(service.declarations)]
        return dict(sorted(every, key=lambda item: item[0]))

    @property
    def active_sessions(self) -> Mapping[ServiceType, int]:
        """Number of the session that each service is in."""
        return {service: state.active.number for service, state in self.sdp.services.items()}

    def active_providers(self, service: ServiceType) -> dict[Ed25519PublicKey, ProviderInfo]:
        """Return the providers that serve in the active session, in the order of their declarations' ids."""
        active = self.sdp.services[service].active
        return {
            declaration.provider_id: ProviderInfo(declaration.locators, declaration.zk_id)
            for _, declaration in in_id_order(active.declarations)
        }


def state_of_notes(utxos: UtxoTree, nonce: int = 0) -> LedgerState:
    """Return the state at slot 0 in which exactly these notes exist, and nothing else."""
    return LedgerState(0, consensus.genesis_consensus(utxos, nonce), HashTrieMap(), SdpState())


def genesis_state(genesis_tx: SignedMantleTx, config: LedgerConfig, prover: Verifier, nonce: int = 0) -> LedgerState:
    """Return the state after the genesis transaction.

    Its outputs may be worth 0, and its ledger proof is not checked.

    Raises:
        GenesisError: the transaction can't be a genesis transaction.
        LedgerError: a declaration is refused: ``Mantle.Sdp.`` with ``InvalidProof`` (of a wrong kind), ``NoteNotFound``
            or any error of ``sdp.declare``.
    """
    validate_genesis(genesis_tx)
    mantle_tx = genesis_tx.mantle_tx
    state = state_of_notes(UtxoTree(utxos_of(mantle_tx.ledger_tx)), nonce)
    context = MessageContext(0, genesis_tx.hash, config, prover)
    channels, declared = state.channels, state.sdp
    for operation, proof in zip(mantle_tx.operations, genesis_tx.operation_proofs, strict=True):
        if isinstance(operation, SDPDeclare):
            declared = _declare_at_genesis(declared, operation, proof, state.utxos, context)
        elif isinstance(operation, ChannelInscribe):
            channels = apply_message(channels, operation)
    return replace(state, channels=channels, sdp=sdp.start_with_declared(declared))


def leader_public(state: LedgerState, slot: int, config: LedgerConfig) -> LeaderPublic:
    """Return the public inputs of the proof of leadership for a block in ``slot`` on top of ``state``.

    Raises:
        LedgerError: ``InvalidSlot``: the slot is not after the parent's.
    """
    return consensus.leader_public(consensus.enter_slot(state.consensus, slot, config.schedule))


def apply_header(state: LedgerState, slot: int, leader_proof: LeaderProof, config: LedgerConfig) -> LedgerState:
    """Start the next block: check its slot and its leader proof, and move to its epoch and its sessions.

    Raises:
        LedgerError: ``InvalidSlot`` or ``InvalidProof``.
    """
    entered = consensus.enter_slot(state.consensus, slot, config.schedule)
    led = consensus.apply_leader_proof(entered, leader_proof)
    block_number = state.block_number + 1
    return replace(
        state,
        block_number=block_number,
        consensus=led,
        sdp=sdp.enter_block(state.sdp, block_number, config),
    )


def apply_transaction(state: LedgerState, tx: SignedMantleTx, config: LedgerConfig, prover: Verifier) -> LedgerState:
    """Apply one transaction to a state whose header is applied.

    First the transfer and the operations are executed. Then the value left over must be exactly the fee (``gas_cost``).

    Raises:
        LedgerError: the rule it breaks; ``MismatchedProof`` for a proof of a kind that has no gas price.
    """
    # The fee comes last: a transaction that breaks two rules must fail by the same rule as in the real node.
    executed, balance = _execute(state, tx, config, prover)
    fee = _fee(tx)
    if balance < fee:
        raise errors.insufficient_balance()
    if balance > fee:
        raise errors.unbalanced_transaction()
    return executed


def apply_block(state: LedgerState, block: Block, config: LedgerConfig, prover: Verifier) -> LedgerState:
    """Return the state after a block on top of ``state``. One bad transaction refuses the whole block.

    The ledger does not check the block's signature nor its block root; ``verify_block`` does.

    Raises:
        LedgerError: as ``apply_header`` and ``apply_transaction``.
    """
    state = apply_header(state, block.header.slot, block.header.leader_proof, config)
    for tx in block.transactions:
        state = apply_transaction(state, tx, config, prover)
    return state


def _execute(
    state: LedgerState, tx: SignedMantleTx, config: LedgerConfig, verifier: Verifier
) -> tuple[LedgerState, int]:
    """Return the state after the transfer and the operations, and the value left over for the fee."""
    utxos, balance = apply_transfer(state.utxos, state.locked_notes, tx, verifier)
    state = replace(state, consensus=replace(state.consensus, utxos=utxos))
    context = MessageContext(state.block_number, tx.hash, config, verifier)
    for operation, proof in zip(tx.mantle_tx.operations, tx.operation_proofs, strict=True):
        state = _apply_operation(state, operation, proof, context)
    return state, balance


def _fee(tx: SignedMantleTx) -> int:
    try:
        return gas_cost(tx)
    except OperationProofError as error:
        raise errors.mismatched_proof(str(error)) from error


def _apply_operation(
    state: LedgerState, operation: Operation, proof: OperationProof, context: MessageContext
) -> LedgerState:
    match operation, proof:
        case (ChannelInscribe() | ChannelBlob()) as message, _:
            return replace(state, channels=apply_message(state.channels, message))
        case ChannelSetKeys(), Ed25519Proof(signature):
            channels = apply_set_keys(state.channels, operation, signature, context.tx_hash)
            return replace(state, channels=channels)
        case SDPDeclare(), ZkAndEd25519Proof():
            utxo = state.utxos.get(operation.locked_note_id)
            if utxo is None:
                raise errors.note_not_found(operation.locked_note_id)
            return replace(state, sdp=sdp.declare(state.sdp, operation, utxo.note, proof, context))
        case SDPActive(), ZkProof():
            return replace(state, sdp=sdp.report_activity(state.sdp, operation, proof, context))
        case SDPWithdraw(), ZkProof():
            return replace(state, sdp=sdp.withdraw(state.sdp, operation, proof, context))
        case _:  # a proof of the wrong kind, or a leader claim, for which no kind is accepted
            raise errors.unsupported_operation()


def _declare_at_genesis(
    state: SdpState, operation: SDPDeclare, proof: OperationProof, utxos: UtxoTree, context: MessageContext
) -> SdpState:
    if not isinstance(proof, ZkAndEd25519Proof):
        raise errors.genesis_declaration_without_proof()
    utxo = utxos.get(operation.locked_note_id)
    if utxo is None:
        raise errors.genesis_note_not_found(operation.locked_note_id)
    return sdp.declare(state, operation, utxo.note, proof, context)
