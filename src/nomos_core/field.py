"""BN254 scalar field: integers below the modulus, and their byte and text forms.

Secret keys, note ids, transaction hashes and nonces are elements of this field. A value that a function calls a field
element is an integer from 0 to ``MODULUS - 1``.
"""

from __future__ import annotations

from string import hexdigits
from typing import Final

MODULUS: Final = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
"""Number of elements of the field, a prime of 254 bits."""
BYTES: Final = 32
"""Length of the byte form of an element."""
_HEX_DIGITS: Final = frozenset(hexdigits)
_MONTGOMERY_RADIX: Final = (1 << 256) % MODULUS


class FieldError(ValueError):
    """Refusal of bytes or text that name no field element."""


def from_bytes(data: bytes) -> int:
    """Read an element from little-endian bytes of any length. The modulus itself reads as 0, as in the real node.

    Raises:
        FieldError: the value is above the modulus.
    """
    value = int.from_bytes(data, "little")
    if value > MODULUS:
        raise FieldError(f"Parsed bytes are bigger than the modulus, got {value}, expected {MODULUS}")
    return value % MODULUS


def from_bytes_reduced(data: bytes) -> int:
    """Read little-endian bytes of any length modulo ``MODULUS``. Keys that are derived from other keys use this."""
    return int.from_bytes(data, "little") % MODULUS


def to_bytes(value: int) -> bytes:
    """Return the 32 little-endian bytes of an element."""
    return value.to_bytes(BYTES, "little")


def from_hex(text: str) -> int:
    """Read an element from the 64 hex digits of its little-endian bytes, without ``0x``.

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
    """Return the 64 hex digits of an element's little-endian bytes, without ``0x``."""
    return to_bytes(value).hex()


def from_tag(text: str) -> int:
    """Return a string constant of the protocol as a field element: its bytes, read little-endian."""
    return from_bytes(text.encode())


def signing_bytes(value: int) -> bytes:
    """Return the 32 little-endian bytes of an element's Montgomery form, ``value * 2^256 mod MODULUS``.

    Ed25519 signs a transaction hash in this form: the real node signs the limbs that it keeps in memory.
    """
    return to_bytes(value * _MONTGOMERY_RADIX % MODULUS)
