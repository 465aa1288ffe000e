"""The leader lottery once more, written from the protocol's text and from a node's configuration file alone.

A note of value ``v`` wins a slot when ``digest(note, sk, nonce, slot) < v * (t0 + t1 * v) mod p``, where with
``r = -ln(1 - f)`` and total stake ``S`` (all of genesis) ``t0 = p r / S`` and ``t1 = p - p r^2 / 2 S^2``. Every note of
``wallet.known_keys`` plays with the leader's secret key. During the first two epochs the nonce is 0 and only genesis
notes are old enough.
"""

from __future__ import annotations

import math
from collections.abc import Set
from fractions import Fraction

from nomos_core.config import Genesis, NodeConfig
from nomos_core.identifiers import NoteId
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.poseidon2 import digest

P = 21888242871839275222246405745257275088548364400416034343698204186575808495617
_UNIT = 10**18
"""The logarithm is rounded to this many parts."""


class IndependentLottery:
    """Who wins, as ``config``'s node must see it."""

    def __init__(self, config: NodeConfig) -> None:
        state = config.cryptarchia.service.starting_state
        assert isinstance(state, Genesis)
        notes = utxos_of(state.genesis_tx.mantle_tx.ledger_tx)
        consensus = config.deployment.cryptarchia.consensus_config
        rate = Fraction(round(-math.log(1 - consensus.active_slot_coeff) * _UNIT), _UNIT)
        stake = sum(utxo.note.value for utxo in notes)
        self._t0 = math.floor(P * rate / stake)
        self._t1 = P - math.floor(P * rate**2 / (2 * stake**2)) % P
        self._secret = config.cryptarchia.leader.sk
        self._players = [utxo for utxo in notes if utxo.note.public_key in set(config.wallet.known_keys)]
        self.last_slot = 2 * _epoch_length(config) - 1
        """Beyond it the nonce and the notes are others."""

    def winning_notes(self, slot: int) -> Set[NoteId]:
        assert slot <= self.last_slot, f"slot {slot} is beyond the second epoch"
        return {utxo.id for utxo in self._players if self._wins(utxo, slot)}

    def _wins(self, utxo: Utxo, slot: int) -> bool:
        value = utxo.note.value
        return digest((utxo.id, self._secret, 0, slot)) < value * (self._t0 + self._t1 * value) % P


def _epoch_length(config: NodeConfig) -> int:
    deployed = config.deployment.cryptarchia
    periods = (
        deployed.epoch_config.epoch_stake_distribution_stabilization
        + deployed.epoch_config.epoch_period_nonce_buffer
        + deployed.epoch_config.epoch_period_nonce_stabilization
    )
    consensus = deployed.consensus_config
    return periods * math.floor(consensus.security_param / consensus.active_slot_coeff)
