"""Poseidon2 on gmpy2's integers. It serves where the compiled permutation was not built.

The second and the third element of the state pass the internal rounds without S-box, so they are reduced only every few
rounds: a number that grows by two bits a round costs less than a division.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from gmpy2 import mpz  # type: ignore[import-untyped]

from nomos_core.field import MODULUS
from nomos_core.poseidon2_constants import EXTERNAL_ROUND_CONSTANTS, INTERNAL_ROUND_CONSTANTS

NAME: Final = "gmpy2"
"""Name of this permutation."""

_State: TypeAlias = tuple[mpz, mpz, mpz]

_P: Final = mpz(MODULUS)
_EMPTY: Final[_State] = (mpz(), mpz(), mpz())
_EXTERNAL: Final[list[_State]] = [(mpz(a), mpz(b), mpz(c)) for a, b, c in EXTERNAL_ROUND_CONSTANTS]
_OPENING: Final = _EXTERNAL[:4]
_CLOSING: Final = _EXTERNAL[4:]
_REDUCE_EVERY: Final = 8
_INTERNAL: Final = [
    [mpz(constant) for constant in INTERNAL_ROUND_CONSTANTS[start : start + _REDUCE_EVERY]]
    for start in range(0, len(INTERNAL_ROUND_CONSTANTS), _REDUCE_EVERY)
]


def permute(state: Sequence[int]) -> tuple[int, int, int]:
    """Return the permuted state."""
    a, b, c = _permute(mpz(state[0]), mpz(state[1]), mpz(state[2]))
    return int(a), int(b), int(c)


def compress_pairs(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return the first element of the permuted state ``(left, right, 0)`` for every pair."""
    zero = mpz()
    return [int(_permute(mpz(left), mpz(right), zero)[0]) for left, right in pairs]


def absorb_many(rows: Sequence[Sequence[int]]) -> list[int]:
    """Return the first element of the sponge after each row, without a final ONE."""
    return [int(_absorb(_EMPTY, row)[0]) for row in rows]


def absorb_rows(rows: Sequence[Sequence[int]]) -> _States:
    """Return the sponges that have absorbed one row each."""
    return _States(rows)


class _States:
    """Sponges that have absorbed one row each."""

    __slots__ = ("_states",)

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self._states = [_absorb(_EMPTY, row) for row in rows]

    def absorb(self, suffix: Sequence[int]) -> list[int]:
        """Return the first element of each state after the suffix. The states stay as they are."""
        elements = [mpz(element) for element in suffix]
        return [int(_absorb(state, elements)[0]) for state in self._states]


def _absorb(state: _State, inputs: Iterable[int]) -> _State:
    a, b, c = state
    for element in inputs:
        a, b, c = _permute(a + element, b, c)
    return a, b, c


def _permute(a: mpz, b: mpz, c: mpz) -> _State:
    p = _P
    total = a + b + c
    a, b, c = _external_rounds(a + total, b + total, c + total, _OPENING)
    for constants in _INTERNAL:
        for constant in constants:
            a = (a + constant) % p
            square = a * a % p
            a = square * square % p * a % p
            total = a + b + c
            a += total
            b += total
            c += c + total
        b %= p
        c %= p
    a, b, c = _external_rounds(a, b, c, _CLOSING)
    return a % p, b % p, c % p


def _external_rounds(a: mpz, b: mpz, c: mpz, rounds: Iterable[_State]) -> _State:
    for first, second, third in rounds:
        a, b, c = _fifth_power(a + first), _fifth_power(b + second), _fifth_power(c + third)
        total = a + b + c
        a, b, c = a + total, b + total, c + total
    return a, b, c


def _fifth_power(x: mpz) -> mpz:
    square = x * x % _P
    return square * square % _P * x % _P
