"""Cryptarchia's part of the ledger state: the slot, the running nonce, and the snapshots from which leaders are drawn.

Each header moves the state to its slot and mixes its entropy into the running nonce. The leaders of epoch ``e`` are
drawn from the notes that were unspent when epoch ``e - 1`` began, and with the nonce of a fixed slot within epoch ``e -
1`` (see ``EpochSchedule``). ``next_epoch_state`` follows the ledger until these two slots have passed. The *parent's*
slot decides whether a snapshot is still open. When no block came in the epoch before, the epoch takes the notes and the
nonce of the parent.
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
    """Snapshot from which the leaders of one epoch are drawn."""

    epoch: int
    """Number of the epoch, from 0."""
    nonce: int
    """Field element. Randomness of the epoch; every lottery ticket of the epoch contains it."""
    utxos: UtxoTree
    """Aged notes: unspent notes at the stake snapshot. Only these notes can win a slot of the epoch."""
    total_stake: int
    """Units of value: the sum of all genesis notes. The supply does not change, so neither does this."""


@dataclass(frozen=True, slots=True)
class ConsensusState:
    """Consensus state after one block."""

    slot: int
    """Slot of the block, from 0. The next block needs a greater one."""
    nonce: int
    """Field element. Running nonce, which includes the entropy of every block so far."""
    utxos: UtxoTree
    """Notes that are unspent after the block."""
    epoch_state: EpochState
    """Snapshot for the epoch of ``slot``."""
    next_epoch_state: EpochState
    """Snapshot for the epoch after it. Open parts still follow the ledger."""


class _WithEpochs(Protocol):
    @property
    def epoch_state(self) -> EpochState: ...
    @property
    def next_epoch_state(self) -> EpochState: ...


def genesis_consensus(utxos: UtxoTree, nonce: int = 0) -> ConsensusState:
    """Return the state at slot 0. The genesis notes lead both epoch 0 and epoch 1."""
    total_stake = sum(utxo.note.value for utxo in utxos)
    # Epoch 1 is led by the notes of the start of epoch 0, which are the genesis notes as well.
    first, second = (EpochState(epoch, nonce, utxos, total_stake) for epoch in (0, 1))
    return ConsensusState(0, nonce, utxos, first, second)


def epoch_state_for_slot(state: _WithEpochs, slot: int, config: LedgerConfig) -> EpochState | None:
    """Return the snapshot for a leader that builds on ``state`` in ``slot``; None for a slot after the next epoch."""
    epoch = config.schedule.epoch_of(slot)
    return next((known for known in (state.epoch_state, state.next_epoch_state) if known.epoch == epoch), None)


def enter_slot(state: ConsensusState, slot: int, schedule: EpochSchedule) -> ConsensusState:
    """Move the state to a later slot and fix the epoch snapshots whose slot has passed.

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
    """Return the public inputs of the proof of leadership for ``state.slot``. The state must have entered that slot."""
    epoch = state.epoch_state
    return LeaderPublic(state.slot, epoch.nonce, epoch.total_stake, epoch.utxos.root, state.utxos.root)


def apply_leader_proof(state: ConsensusState, proof: LeaderProof) -> ConsensusState:
    """Check the leader proof of the slot that ``state`` has entered, and mix its entropy into the nonce.

    Raises:
        LedgerError: ``InvalidProof``.
    """
    if not verify_leader_proof(proof, leader_public(state)):
        raise errors.invalid_proof()
    return replace(state, nonce=evolve_nonce(state.nonce, proof.entropy_contribution, state.slot))


def evolve_nonce(nonce: int, entropy: int, slot: int) -> int:
    """Return the running nonce after a block.

    It is the Poseidon2 sponge, without the final ONE, over the tag ``EPOCH_NONCE_V1``, the old nonce, the entropy and
    the slot.
    """
    return absorb((_EPOCH_NONCE_TAG, nonce, entropy, slot))


def _snapshot(epoch: int, state: ConsensusState) -> EpochState:
    return EpochState(epoch, state.nonce, state.utxos, state.epoch_state.total_stake)


def _follow(upcoming: EpochState, state: ConsensusState, schedule: EpochSchedule) -> EpochState:
    """Return the next epoch's snapshot.

    The parts whose snapshot slot has not passed are taken from the parent's state.
    """
    nonce = state.nonce if state.slot < schedule.nonce_snapshot_slot(upcoming.epoch) else upcoming.nonce
    utxos = state.utxos if state.slot < schedule.stake_snapshot_slot(upcoming.epoch) else upcoming.utxos
    return replace(upcoming, nonce=nonce, utxos=utxos)
