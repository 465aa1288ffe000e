"""Leader lottery: it decides which notes may lead in a slot.

The ticket of a note is a Poseidon2 digest of the note, its secret key, the epoch nonce and the slot. The note wins the
slot when its ticket is below a threshold that grows with its value: ``value * (t0 + t1 * value)`` in the scalar field.
This is the second-order approximation of ``1 - (1 - f)^(value / total stake)``. There are two sets of constants. The
production constants are fixed for ``f = 1/30``; those of the development mode follow ``active_slot_coeff``.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from nomos_core.field import MODULUS
from nomos_core.identifiers import NoteId
from nomos_core.poseidon2 import StateBatch, digest

# The real node's constants for f = 1/30: T0 / stake and T1 / stake^2 are the first two terms of the threshold.
_T0: Final = 0x1A3FB997FD58374772808C13D1C2DDACB5AB3EA77413F86FD6E0D3D978E5438
_T1: Final = 0x71E790B41991052E30C93934B5612412E7958837BAC8B1C524C24D84CC7D0
_PRECISION: Final = 10**18
_U128_MAX: Final = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class LotteryConstants:
    """Coefficients of the threshold for one total stake, before they are reduced into the field."""

    t0: int
    """Coefficient of the value."""
    t1: int
    """Coefficient of the squared value: the modulus less the second-order term."""

    def threshold(self, value: int) -> int:
        """Return the threshold of a note of this value, a field element. A ticket below it wins."""
        return value * (self.t0 + self.t1 * value) % MODULUS


def production_constants(total_stake: int) -> LotteryConstants:
    """Return the constants of production builds, for a total stake of at least 1.

    Raises:
        ValueError: there is no stake.
    """
    _check_stake(total_stake)
    return LotteryConstants(_T0 // total_stake, MODULUS - _T1 // total_stake**2)


def development_constants(total_stake: int, active_slot_coeff: float) -> LotteryConstants:
    """Return the constants of the development mode, for a total stake of at least 1 and the coefficient ``f``.

    Raises:
        ValueError: there is no stake.
    """
    _check_stake(total_stake)
    rate = negated_log(active_slot_coeff)
    t0 = MODULUS * rate // (total_stake * _PRECISION)
    t1 = MODULUS * rate**2 // (2 * total_stake**2 * _PRECISION**2) % MODULUS
    return LotteryConstants(t0, MODULUS - t1)


def negated_log(active_slot_coeff: float) -> int:
    """Return ``-ln(1 - f)`` in units of 1e-18, computed in double precision.

    At ``f = 1`` it is the largest unsigned 128-bit number, as in the real node.
    """
    if active_slot_coeff >= 1:
        return _U128_MAX
    scaled = -math.log(1.0 - active_slot_coeff) * float(_PRECISION)
    # Half is rounded up, as Rust does; Python's round() would round it to the even number.
    whole = math.floor(scaled)
    return whole + (scaled - whole >= 0.5)


def ticket(note_id: NoteId, secret_key: int, epoch_nonce: int, slot: int) -> int:
    """Return the ticket of a note in a slot, a field element: the Poseidon2 digest of the four arguments."""
    return digest((note_id, secret_key, epoch_nonce, slot))


def _check_stake(total_stake: int) -> None:
    if total_stake < 1:
        raise ValueError(f"a lottery needs a total stake of at least 1, got {total_stake}")


class Lottery:
    """Draws of many notes of one owner in one epoch, with the constants of the development mode.

    The note, the key and the nonce do not change with the slot. They are absorbed once, so that a slot costs two
    permutations a note.

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
        """Return the first of the notes that wins the slot; None if none wins.

        A note must also be unspent at the block that the leader builds on. With ``unspent``, notes that are not in it
        are passed over, so one lottery serves a whole epoch.
        """
        tickets = self._states.finish((slot,))
        winners = (note_id for (note_id, limit), drawn in zip(self._notes, tickets, strict=True) if drawn < limit)
        return next((note_id for note_id in winners if unspent is None or note_id in unspent), None)
