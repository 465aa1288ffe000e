"""BN254 curve points: affine, as provers and verifiers take them, and compressed, as the real node writes them.

The compressed form is that of arkworks: x little-endian, a coordinate of G2 as its two parts c0, c1. The two top bits
of the last byte are flags. 0x80 says that y is the larger of the two roots (parts are compared from c1 on). 0x40 says
that the point is the one at infinity. A Groth16 proof is ``pi_a`` (G1, 32 bytes), ``pi_b`` (G2, 64), ``pi_c`` (G1, 32).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from gmpy2 import powmod  # type: ignore[import-untyped]

Fq2: TypeAlias = tuple[int, int]
"""Element c0 + c1 * u of the quadratic extension field, with u^2 = -1."""

Q: Final = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
"""Modulus of the coordinates. The scalars have another modulus (``field.MODULUS``)."""

_COORDINATE: Final = 32
_LARGER_ROOT: Final = 0x80
_INFINITY: Final = 0x40
_FLAGS: Final = _LARGER_ROOT | _INFINITY
_G1_B: Final = 3
# 1 / (9 + u) = (9 - u) / 82
_INVERSE_OF_82: Final = pow(82, -1, Q)
_G2_B: Final[Fq2] = (27 * _INVERSE_OF_82 % Q, -3 * _INVERSE_OF_82 % Q)
"""Coefficient b of the curve of G2: 3 / (9 + u)."""


class PointError(ValueError):
    """Refusal of bytes that are not a compressed point of the curve."""


@dataclass(frozen=True, slots=True)
class G1:
    """Affine point of the first group. (0, 0), which is not on the curve, stands for infinity."""

    x: int
    """Integer from 0 to ``Q - 1``."""
    y: int
    """Integer from 0 to ``Q - 1``."""


@dataclass(frozen=True, slots=True)
class G2:
    """Affine point of the second group. Zeros stand for infinity."""

    x: Fq2
    """Two integers from 0 to ``Q - 1``."""
    y: Fq2
    """Two integers from 0 to ``Q - 1``."""


@dataclass(frozen=True, slots=True)
class Groth16Proof:
    """Proof of the Groth16 system."""

    a: G1
    """Point ``pi_a``."""
    b: G2
    """Point ``pi_b``."""
    c: G1
    """Point ``pi_c``."""

    @classmethod
    def decompress(cls, data: bytes) -> Groth16Proof:
        """Read a proof from its 128 compressed bytes.

        Raises:
            PointError: not 128 bytes, or one of the three is not a point.
        """
        if len(data) != 4 * _COORDINATE:
            raise PointError(f"a proof has {4 * _COORDINATE} bytes, got {len(data)}")
        return cls(decompress_g1(data[:32]), decompress_g2(data[32:96]), decompress_g1(data[96:]))

    def compress(self) -> bytes:
        """Return the 128 compressed bytes of the proof."""
        return compress_g1(self.a) + compress_g2(self.b) + compress_g1(self.c)


def compress_g1(point: G1) -> bytes:
    """Return the 32 compressed bytes of a point."""
    if point == G1(0, 0):
        return _flagged(bytes(_COORDINATE), _INFINITY)
    return _flagged(_encoded(point.x), _LARGER_ROOT if point.y > -point.y % Q else 0)


def compress_g2(point: G2) -> bytes:
    """Return the 64 compressed bytes of a point."""
    if point == G2((0, 0), (0, 0)):
        return _flagged(bytes(2 * _COORDINATE), _INFINITY)
    x = _encoded(point.x[0]) + _encoded(point.x[1])
    return _flagged(x, _LARGER_ROOT if _is_larger_root(point.y) else 0)


def decompress_g1(data: bytes) -> G1:
    """Read a point from its 32 compressed bytes.

    Raises:
        PointError: no point of the curve.
    """
    x_bytes, larger, infinity = _unflagged(data)
    x = _decoded(x_bytes)
    if infinity:
        return G1(0, 0)
    y = _square_root((x * x * x + _G1_B) % Q)
    if y is None:
        raise PointError("no point of G1 has this x")
    return G1(x, y if (y > -y % Q) == larger else -y % Q)


def decompress_g2(data: bytes) -> G2:
    """Read a point of the curve from its 64 compressed bytes. The verifier checks that it is in the right subgroup.

    Raises:
        PointError: no point of the curve.
    """
    x_bytes, larger, infinity = _unflagged(data)
    x = (_decoded(x_bytes[:_COORDINATE]), _decoded(x_bytes[_COORDINATE:]))
    if infinity:
        return G2((0, 0), (0, 0))
    cubed = _multiply(_multiply(x, x), x)
    y = _square_root_fq2(((cubed[0] + _G2_B[0]) % Q, (cubed[1] + _G2_B[1]) % Q))
    if y is None:
        raise PointError("no point of G2 has this x")
    return G2(x, y if _is_larger_root(y) == larger else _negative(y))


def _encoded(coordinate: int) -> bytes:
    return coordinate.to_bytes(_COORDINATE, "little")


def _decoded(data: bytes) -> int:
    coordinate = int.from_bytes(data, "little")
    if coordinate >= Q:
        raise PointError("a coordinate must be below the modulus")
    return coordinate


def _flagged(data: bytes, flags: int) -> bytes:
    return data[:-1] + bytes([data[-1] | flags])


def _unflagged(data: bytes) -> tuple[bytes, bool, bool]:
    flags = data[-1] & _FLAGS
    if flags == _FLAGS:
        raise PointError("the flags of infinity and of the larger root are both set")
    return data[:-1] + bytes([data[-1] & ~_FLAGS]), flags == _LARGER_ROOT, flags == _INFINITY


def _square_root(square: int) -> int | None:
    root = int(powmod(square, (Q + 1) // 4, Q))
    return root if root * root % Q == square else None


def _square_root_fq2(square: Fq2) -> Fq2 | None:
    """Return a square root by the norm; None if there is none.

    With n^2 = c0^2 + c1^2, the first part of the root is the root of (c0 + n) / 2 or of (c0 - n) / 2.
    """
    c0, c1 = square
    norm = _square_root((c0 * c0 + c1 * c1) % Q)
    if norm is None:
        return None
    half = (Q + 1) // 2
    first = _square_root((c0 + norm) * half % Q)
    if first is None:
        first = _square_root((c0 - norm) * half % Q)
    if first is None:
        return None
    if first == 0:
        second = _square_root(-c0 % Q)
        return None if second is None else (0, second)
    return first, c1 * half * pow(first, -1, Q) % Q


def _multiply(x: Fq2, y: Fq2) -> Fq2:
    return (x[0] * y[0] - x[1] * y[1]) % Q, (x[0] * y[1] + x[1] * y[0]) % Q


def _negative(x: Fq2) -> Fq2:
    return -x[0] % Q, -x[1] % Q


def _is_larger_root(y: Fq2) -> bool:
    negative = _negative(y)
    return (y[1], y[0]) > (negative[1], negative[0])
