"""Poseidon2 over the BN254 scalar field with a state of three.

The protocol uses it for everything that a circuit has to compute.

As a sponge of rate one it gives ``absorb`` and, closed with a final ONE, ``digest``. On two elements it gives
``compress``, the inner node of every Merkle tree over notes. All inputs and results are field elements, integers from 0
to ``field.MODULUS - 1``.

The batch functions do the work of many calls in one. The compiled permutation then needs no interpreter in between and
releases the GIL. The permutation is chosen on import: the compiled one where it was built, else the one on gmpy2.
``NOMOS_POSEIDON2=compiled`` or ``=gmpy2`` in the environment insists on one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from nomos_core.poseidon2_selection import select_permutation

_permutation = select_permutation(os.environ.get("NOMOS_POSEIDON2"))

IMPLEMENTATION: str = _permutation.NAME
"""Name of the chosen permutation, ``compiled`` or ``gmpy2``."""

_ONE = 1


def permute(state: Sequence[int]) -> tuple[int, int, int]:
    """Return the permuted state. A state has three elements."""
    return _permutation.permute(state)


def absorb(inputs: Sequence[int]) -> int:
    """Return the first element of the sponge after all inputs, without the final ONE (note ids, epoch nonces)."""
    return _permutation.absorb_many((inputs,))[0]


def digest(inputs: Sequence[int]) -> int:
    """Return the first element of the sponge after all inputs and a final ONE."""
    return _permutation.absorb_many(((*inputs, _ONE),))[0]


def compress(left: int, right: int) -> int:
    """Return the first element of the permuted state ``(left, right, 0)``."""
    return _permutation.compress_pairs(((left, right),))[0]


def compress_pairs(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return ``compress`` of every pair: one level of a Merkle tree in one call."""
    return _permutation.compress_pairs(pairs)


def absorb_many(rows: Sequence[Sequence[int]]) -> list[int]:
    """Return ``absorb`` of every row. Rows may differ in length."""
    return _permutation.absorb_many(rows)


class StateBatch:
    """Sponges that have absorbed one row each. Any number of suffixes can be tried on them.

    The rows are absorbed once, which saves work where many inputs differ only at their end.
    """

    __slots__ = ("_states",)

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self._states = _permutation.absorb_rows(rows)

    def finish(self, suffix: Sequence[int]) -> list[int]:
        """Return ``digest`` of row + suffix for every row, in the order of the rows. The batch stays as it is."""
        return self._states.absorb((*suffix, _ONE))
