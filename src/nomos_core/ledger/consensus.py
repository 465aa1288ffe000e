"""Cryptarchia's part of the ledger state: slot, nonce, and the epoch snapshots leaders are chosen by.

Each header moves the slot on and stirs its entropy into the running nonce. Epoch ``e`` is led with the notes unspent
when epoch ``e - 1`` began and with the nonce as it was some periods into ``e - 1``: ``next_epoch_state`` follows the
ledger until then. Whether a snapshot is due is judged by the *parent's* slot. An epoch without a single block before it
takes the parent's notes and nonce.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from nomos_core import field
from nomos_core.cryptarchia.epochs import EpochSchedule
from nomos_core.cryptarchia.header import LeaderProof, LeaderPublic
from nomos_core.cryptarchia.leadership_proof import verify_leader_proof
from nomos_core.ledger import errors
from nomos_core.ledger.config import LedgerConfig
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.poseidon2 import absorb

_EPOCH_NONCE_TAG: Final = field.from_tag("EPOCH_NONCE_V1")


@dataclass(frozen=True, slots=True)
class EpochState:
    """What the leader lottery of one epoch is drawn from."""

    epoch: int
    nonce: int
    utxos: UtxoTree
    """The aged notes: only these can win."""
    total_stake: int
    """Value of all genesis notes; the supply does not change."""


@dataclass(frozen=True, slots=True)
class ConsensusState:
    slot: int
    nonce: int
    utxos: UtxoTree
    """The notes unspent now."""
    epoch_state: EpochState
    next_epoch_state: EpochState


class _WithEpochs(Protocol):
    @property
    def epoch_state(self) -> EpochState: ...
    @property
    def next_epoch_state(self) -> EpochState: ...


def genesis_consensus(utxos: UtxoTree, nonce: int = 0) -> ConsensusState:
    """The state at slot 0, in which both epochs are led by the genesis notes."""
    total_stake = sum(utxo.note.value for utxo in utxos)
    first, second = (EpochState(epoch, nonce, utxos, total_stake) for epoch in (0, 1))
    return ConsensusState(0, nonce, utxos, first, second)


def epoch_state_for_slot(state: _WithEpochs, slot: int, config: LedgerConfig) -> EpochState | None:
    """The snapshot a leader on top of ``state`` plays with in ``slot``; None beyond the next epoch."""
    epoch = config.schedule.epoch_of(slot)
    return next((known for known in (state.epoch_state, state.next_epoch_state) if known.epoch == epoch), None)


def enter_slot(state: ConsensusState, slot: int, schedule: EpochSchedule) -> ConsensusState:
    """Move to a later slot, taking the epoch snapshots that fall due.

    Raises:
        LedgerError: ``InvalidSlot``: the slot is not after the parent's.
    """
    if slot <= state.slot:
        raise errors.invalid_slot(state.slot, slot)
    epoch, parent_epoch = schedule.epoch_of(slot), schedule.epoch_of(state.slot)
    if epoch == parent_epoch:
        return replace(state, slot=slot, next_epoch_state=_follow(state.next_epoch_state, state, schedule))
    entered = state.next_epoch_state if epoch == parent_epoch + 1 else _snapshot(epoch, state)
    return replace(state, slot=slot, epoch_state=entered, next_epoch_state=_snapshot(epoch + 1, state))


def leader_public(state: ConsensusState) -> LeaderPublic:
    """What the proof of leadership for a state's slot must prove about it; ``state`` has entered the slot."""
    epoch = state.epoch_state
    return LeaderPublic(state.slot, epoch.nonce, epoch.total_stake, epoch.utxos.root, state.utxos.root)


def apply_leader_proof(state: ConsensusState, proof: LeaderProof) -> ConsensusState:
    """Accept the leader of the slot that ``state`` has entered, and take its entropy into the nonce.

    Raises:
        LedgerError: ``InvalidProof``.
    """
    if not verify_leader_proof(proof, leader_public(state)):
        raise errors.invalid_proof()
    return replace(state, nonce=evolve_nonce(state.nonce, proof.entropy_contribution, state.slot))


def evolve_nonce(nonce: int, entropy: int, slot: int) -> int:
    """The running nonce after a block: the sponge without its final ONE over tag, nonce, entropy and slot."""
    return absorb((_EPOCH_NONCE_TAG, nonce, entropy, slot))


def _snapshot(epoch: int, state: ConsensusState) -> EpochState:
    return EpochState(epoch, state.nonce, state.utxos, state.epoch_state.total_stake)


def _follow(upcoming: EpochState, state: ConsensusState, schedule: EpochSchedule) -> EpochState:
    """The coming epoch's snapshot, with what of the parent's state is not fixed yet."""
    nonce = state.nonce if state.slot < schedule.nonce_snapshot_slot(upcoming.epoch) else upcoming.nonce
    utxos = state.utxos if state.slot < schedule.stake_snapshot_slot(upcoming.epoch) else upcoming.utxos
    return replace(upcoming, nonce=nonce, utxos=utxos)
