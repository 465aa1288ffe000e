"""The BN254 scalar field: integers below the modulus and their byte and text forms."""

from __future__ import annotations

from string import hexdigits
from typing import Final

MODULUS: Final = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
BYTES: Final = 32
_HEX_DIGITS: Final = frozenset(hexdigits)
_MONTGOMERY_RADIX: Final = (1 << 256) % MODULUS


class FieldError(ValueError):
    """The bytes or text do not name a field element."""


def from_bytes(data: bytes) -> int:
    """Read little-endian bytes of any length. The modulus itself reads as zero, as the real node does.

    Raises:
        FieldError: the value is above the modulus.
    """
    value = int.from_bytes(data, "little")
    if value > MODULUS:
        raise FieldError(f"Parsed bytes are bigger than the modulus, got {value}, expected {MODULUS}")
    return value % MODULUS


def from_bytes_reduced(data: bytes) -> int:
    """Read little-endian bytes of any length modulo the field's modulus (keys derived from other keys)."""
    return int.from_bytes(data, "little") % MODULUS


def to_bytes(value: int) -> bytes:
    return value.to_bytes(BYTES, "little")


def from_hex(text: str) -> int:
    """Read 64 hex digits of the little-endian bytes, without ``0x``.

    Raises:
        FieldError: in the real node's words, which its HTTP answers quote.
    """
    if len(text) % 2:
        raise FieldError("Odd number of digits")
    for position, digit in enumerate(text):
        if digit not in _HEX_DIGITS:
            raise FieldError(f"Invalid character {digit!r} at position {position}")
    data = bytes.fromhex(text)
    if len(data) != BYTES:
        raise FieldError(f"Bytes length is not {BYTES}, got: {len(data)}")
    return from_bytes(data)


def to_hex(value: int) -> str:
    return to_bytes(value).hex()


def from_tag(text: str) -> int:
    """A string constant of the protocol as a field element: its bytes, read little-endian."""
    return from_bytes(text.encode())


def signing_bytes(value: int) -> bytes:
    """The Montgomery form's limbs, little-endian: what Ed25519 signs of a transaction hash."""
    return to_bytes(value * _MONTGOMERY_RADIX % MODULUS)
