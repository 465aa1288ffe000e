"""The leader lottery: which notes may lead in a slot.

A note wins a slot when its ticket, a Poseidon2 digest of note, secret key, epoch nonce and slot, is below a threshold
that grows with the note's value: ``value * (t0 + t1 * value)`` in the scalar field, the second-order approximation of
``1 - (1 - f)^(value / total stake)``. Two sets of constants exist: the production ones are fixed for ``f = 1/30``,
those of the development mode follow ``active_slot_coeff``.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from nomos_core.field import MODULUS
from nomos_core.identifiers import NoteId
from nomos_core.poseidon2 import StateBatch, digest

_T0: Final = 0x1A3FB997FD58374772808C13D1C2DDACB5AB3EA77413F86FD6E0D3D978E5438
_T1: Final = 0x71E790B41991052E30C93934B5612412E7958837BAC8B1C524C24D84CC7D0
_PRECISION: Final = 10**18
_U128_MAX: Final = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class LotteryConstants:
    """The coefficients of the threshold for one total stake, before their reduction into the field."""

    t0: int
    t1: int

    def threshold(self, value: int) -> int:
        return value * (self.t0 + self.t1 * value) % MODULUS


def production_constants(total_stake: int) -> LotteryConstants:
    """
    Raises:
        ValueError: there is no stake.
    """
    _check_stake(total_stake)
    return LotteryConstants(_T0 // total_stake, MODULUS - _T1 // total_stake**2)


def development_constants(total_stake: int, active_slot_coeff: float) -> LotteryConstants:
    """
    Raises:
        ValueError: there is no stake.
    """
    _check_stake(total_stake)
    rate = negated_log(active_slot_coeff)
    t0 = MODULUS * rate // (total_stake * _PRECISION)
    t1 = MODULUS * rate**2 // (2 * total_stake**2 * _PRECISION**2) % MODULUS
    return LotteryConstants(t0, MODULUS - t1)


def negated_log(active_slot_coeff: float) -> int:
    """``-ln(1 - f)`` in units of 1e-18, from double precision; the largest ``u128`` at ``f = 1``."""
    if active_slot_coeff >= 1:
        return _U128_MAX
    scaled = -math.log(1.0 - active_slot_coeff) * float(_PRECISION)
    whole = math.floor(scaled)
    return whole + (scaled - whole >= 0.5)


def ticket(note_id: NoteId, secret_key: int, epoch_nonce: int, slot: int) -> int:
    return digest((note_id, secret_key, epoch_nonce, slot))


def _check_stake(total_stake: int) -> None:
    if total_stake < 1:
        raise ValueError(f"a lottery needs a total stake of at least 1, got {total_stake}")


class Lottery:
    """The draws of many notes of one owner in one epoch, with the development mode's constants.

    What does not change with the slot (note, key and nonce) is absorbed once, so that a slot costs two permutations a
    note.

    Raises:
        ValueError: there is no stake.
    """

    def __init__(
        self,
        notes: Sequence[tuple[NoteId, int]],
        secret_key: int,
        epoch_nonce: int,
        total_stake: int,
        active_slot_coeff: float,
    ) -> None:
        constants = development_constants(total_stake, active_slot_coeff)
        self._notes = [(note_id, constants.threshold(value)) for note_id, value in notes]
        self._states = StateBatch([(note_id, secret_key, epoch_nonce) for note_id, _ in notes])

    def winning_note(self, slot: int, unspent: Container[NoteId] | None = None) -> NoteId | None:
        """The first of the notes that wins the slot.

        A note must also be unspent at the block that the leader builds on: with ``unspent``, notes outside are passed
        over, so that one lottery serves a whole epoch.
        """
        tickets = self._states.finish((slot,))
        winners = (note_id for (note_id, limit), drawn in zip(self._notes, tickets, strict=True) if drawn < limit)
        return next((note_id for note_id in winners if unspent is None or note_id in unspent), None)
