"""Poseidon2 over the BN254 scalar field (state of three), the hash of everything that a circuit has to recompute.

As a sponge of rate one it gives ``absorb`` and, closed with a final ONE, ``digest``; on two elements it gives
``compress``, the node of every Merkle tree. All inputs and results are field elements, integers in
``[0, field.MODULUS)``.

The batch functions do the work of many calls in one: the compiled permutation then needs no interpreter in between and
releases the GIL. Which permutation serves is decided on import: the compiled one where it was built, else gmpy2; the
environment's ``NOMOS_POSEIDON2=compiled|gmpy2`` insists on one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from nomos_core.poseidon2_selection import select_permutation

_permutation = select_permutation(os.environ.get("NOMOS_POSEIDON2"))

IMPLEMENTATION: str = _permutation.NAME
"""``compiled`` or ``gmpy2``."""

_ONE = 1


def permute(state: Sequence[int]) -> tuple[int, int, int]:
    return _permutation.permute(state)


def absorb(inputs: Sequence[int]) -> int:
    """The sponge's first element after all inputs, without the final ONE (note ids, epoch nonces)."""
    return _permutation.absorb_many((inputs,))[0]


def digest(inputs: Sequence[int]) -> int:
    """The sponge's first element after all inputs and a final ONE."""
    return _permutation.absorb_many(((*inputs, _ONE),))[0]


def compress(left: int, right: int) -> int:
    """The first element of the permuted state ``(left, right, 0)``."""
    return _permutation.compress_pairs(((left, right),))[0]


def compress_pairs(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """``compress`` of every pair: a level of a Merkle tree in one call."""
    return _permutation.compress_pairs(pairs)


def absorb_many(rows: Sequence[Sequence[int]]) -> list[int]:
    """``absorb`` of every row; rows may differ in length."""
    return _permutation.absorb_many(rows)


class StateBatch:
    """Sponges that share the end of their inputs: each absorbs its row once, then any number of suffixes are tried."""

    __slots__ = ("_states",)

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self._states = _permutation.absorb_rows(rows)

    def finish(self, suffix: Sequence[int]) -> list[int]:
        """``digest`` of row + suffix for every row, in the order of the rows. The batch can be finished again."""
        return self._states.absorb((*suffix, _ONE))
