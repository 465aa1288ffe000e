"""The roots of unity at which rows are evaluated, and the transforms between coefficients and evaluations there.

The domain of size ``n`` (a power of two) is the powers of a primitive ``n``-th root of unity of BLS12-381's scalar
field; column ``i`` stands at ``w^i``. The transforms serve scalars and points alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeVar

from py_arkworks_bls12381 import G1Point, Scalar

MODULUS: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""The order of the groups, so the modulus of scalars."""
_GENERATOR: Final = 7
_TWO_ADICITY: Final = 32

Element = TypeVar("Element", G1Point, Scalar)


@lru_cache(maxsize=64)
def root_of_unity(size: int) -> int:
    """The primitive root whose powers are the domain of a size, a power of two up to 2^32."""
    two_adic_root = pow(_GENERATOR, (MODULUS - 1) >> _TWO_ADICITY, MODULUS)
    return pow(two_adic_root, (1 << _TWO_ADICITY) // size, MODULUS)


@lru_cache(maxsize=16)
def roots_of_unity(size: int) -> tuple[Scalar, ...]:
    """All elements of the domain, ``w^0`` first."""
    root = Scalar(root_of_unity(size))
    elements = [Scalar(1)]
    for _ in range(1, size):
        elements.append(elements[-1] * root)
    return tuple(elements)


def transform(values: Sequence[Element], roots: Sequence[Scalar]) -> list[Element]:
    """``sum_j values[j] * w^(i j)`` for every ``i``: a polynomial's coefficients to its evaluations.

    ``roots`` are all elements of the domain of ``len(values)``. Radix 2: ``n/2 * (log2(n) - 2) + 1`` multiplications.
    """
    if len(values) == 1:
        return list(values)
    even = transform(values[::2], roots[::2])
    odd = transform(values[1::2], roots[::2])
    odd[1:] = [value * root for value, root in zip(odd[1:], roots[1:], strict=False)]
    return [a + b for a, b in zip(even, odd, strict=True)] + [a - b for a, b in zip(even, odd, strict=True)]


def inverse_transform(values: Sequence[Element], roots: Sequence[Scalar]) -> list[Element]:
    """``sum_j values[j] * w^(-i j)`` for every ``i``: ``n`` times the inverse of ``transform``."""
    first, *others = transform(values, roots)
    return [first, *reversed(others)]
