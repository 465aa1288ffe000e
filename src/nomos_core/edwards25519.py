"""Points of Curve25519 in Edwards form, by the rules of curve25519-dalek, which the real node uses.

These rules accept more than libsodium's: coordinates above the modulus and points of small order. Whether a key is
accepted decides whether a transaction is accepted, so the rules must agree on every point. Signatures are checked here
only where libsodium refuses the form of a point. Nothing secret is handled.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha512
from typing import Final

# The constants of RFC 8032: modulus, order of the base point, coefficient of the curve.
_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)


@dataclass(frozen=True, slots=True)
class Point:
    """Point in extended coordinates: x = X/Z, y = Y/Z, T = XY/Z. All are integers modulo 2^255 - 19."""

    X: int
    """Numerator of x."""
    Y: int
    """Numerator of y."""
    Z: int
    """Common denominator of x and y, not 0."""
    T: int
    """Product XY/Z, which makes additions faster."""

    def __add__(self, other: Point) -> Point:
        a = (self.Y - self.X) * (other.Y - other.X)
        b = (self.Y + self.X) * (other.Y + other.X)
        c = 2 * _D * self.T * other.T
        d = 2 * self.Z * other.Z
        e, f, g, h = b - a, d - c, d + c, b + a
        return Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)

    def __neg__(self) -> Point:
        return Point(-self.X % _P, self.Y, self.Z, -self.T % _P)

    def __rmul__(self, scalar: int) -> Point:
        product, power = _IDENTITY, self
        while scalar:
            if scalar & 1:
                product += power
            power += power
            scalar >>= 1
        return product


_IDENTITY: Final = Point(0, 1, 1, 0)


def decompress(data: bytes) -> Point | None:
    """Return the point of a 32-byte encoding; None if no point of the curve has it.

    The encoding is y, little-endian, with the sign of x in the top bit. y is taken modulo the field's modulus, and a
    sign on x = 0 is ignored.
    """
    encoded = int.from_bytes(data, "little")
    y = (encoded & (1 << 255) - 1) % _P
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _SQRT_MINUS_ONE % _P
    if v * x * x % _P != u:
        return None
    if x & 1 != encoded >> 255:
        x = -x % _P
    return Point(x, y, 1, x * y % _P)


def compress(point: Point) -> bytes:
    """Return the 32-byte encoding of a point."""
    inverse = pow(point.Z, -1, _P)
    x, y = point.X * inverse % _P, point.Y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def is_unusual(data: bytes) -> bool:
    """Tell whether libsodium refuses an encoding for its form: y at or above the modulus, or a point of small order."""
    point = decompress(data)
    if point is None:
        return False
    eightfold = 8 * point
    return int.from_bytes(data, "little") & (1 << 255) - 1 >= _P or eightfold.X == 0


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature holds, without multiplication by the cofactor.

    R is compared as bytes, and s must be below the order of the group.
    """
    point = decompress(public)
    commitment, s = signature[:32], int.from_bytes(signature[32:], "little")
    if point is None or s >= _ORDER:
        return False
    challenge = int.from_bytes(sha512(commitment + public + message).digest(), "little") % _ORDER
    return compress(s * _BASE + challenge * -point) == commitment


def _base() -> Point:
    point = decompress((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    assert point is not None
    return point


_BASE: Final = _base()
