"""Roots of unity at which rows are evaluated, and the transforms between coefficients and evaluations.

The domain of size ``n`` (a power of two) is the set of powers of a primitive ``n``-th root of unity of BLS12-381's
scalar field. Column ``i`` is evaluated at ``w^i``. The transforms work on scalars and on points.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeVar

from py_arkworks_bls12381 import G1Point, Scalar

MODULUS: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Modulus of the scalars of BLS12-381, which is the order of its groups."""
# 7 generates all scalars but 0; 2^32 is the greatest power of two that divides their number.
_GENERATOR: Final = 7
_TWO_ADICITY: Final = 32

Element = TypeVar("Element", G1Point, Scalar)
"""Scalar or point."""


@lru_cache(maxsize=64)
def root_of_unity(size: int) -> int:
    """Return the primitive root ``w`` whose powers are the domain of this size, a power of two up to 2^32."""
    two_adic_root = pow(_GENERATOR, (MODULUS - 1) >> _TWO_ADICITY, MODULUS)
    return pow(two_adic_root, (1 << _TWO_ADICITY) // size, MODULUS)


@lru_cache(maxsize=16)
def roots_of_unity(size: int) -> tuple[Scalar, ...]:
    """Return all elements of the domain of this size, from ``w^0`` on."""
    root = Scalar(root_of_unity(size))
    elements = [Scalar(1)]
    for _ in range(1, size):
        elements.append(elements[-1] * root)
    return tuple(elements)


def transform(values: Sequence[Element], roots: Sequence[Scalar]) -> list[Element]:
    """Return ``sum_j values[j] * w^(i j)`` for every ``i``.

    It turns the coefficients of a polynomial into evaluations.

    ``roots`` are all elements of the domain of ``len(values)``. The radix is 2: ``n/2 * (log2(n) - 2) + 1``
    multiplications.
    """
    if len(values) == 1:
        return list(values)
    even = transform(values[::2], roots[::2])
    odd = transform(values[1::2], roots[::2])
    odd[1:] = [value * root for value, root in zip(odd[1:], roots[1:], strict=False)]
    return [a + b for a, b in zip(even, odd, strict=True)] + [a - b for a, b in zip(even, odd, strict=True)]


def inverse_transform(values: Sequence[Element], roots: Sequence[Scalar]) -> list[Element]:
    """Return ``sum_j values[j] * w^(-i j)`` for every ``i``. It is ``n`` times the inverse of ``transform``."""
    first, *others = transform(values, roots)
    return [first, *reversed(others)]
