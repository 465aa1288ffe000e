"""The BN254 scalar field: integers below the modulus and their byte and text forms (node facts 5.1)."""

from __future__ import annotations

from typing import Final

MODULUS: Final = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
BYTES: Final = 32
_MONTGOMERY_RADIX: Final = (1 << 256) % MODULUS


class FieldError(ValueError):
    """The bytes or text do not name a field element."""


def from_bytes(data: bytes) -> int:
    """Read at most 32 little-endian bytes. The modulus itself reads as zero, as the real node does.

    Raises:
        FieldError: more than 32 bytes, or a value above the modulus.
    """
    if len(data) > BYTES:
        raise FieldError(f"a field element has at most {BYTES} bytes, got {len(data)}")
    value = int.from_bytes(data, "little")
    if value > MODULUS:
        raise FieldError("value is above the BN254 scalar field's modulus")
    return value % MODULUS


def to_bytes(value: int) -> bytes:
    return value.to_bytes(BYTES, "little")


def from_hex(text: str) -> int:
    """Read 64 hex digits of the little-endian bytes, without ``0x``."""
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise FieldError(f"not hex: {error}") from None
    if len(data) != BYTES or len(text) != 2 * BYTES:
        raise FieldError(f"a field element has {2 * BYTES} hex digits, got {len(text)}")
    return from_bytes(data)


def to_hex(value: int) -> str:
    return to_bytes(value).hex()


def from_tag(text: str) -> int:
    """A string constant of the protocol as a field element: its bytes, read little-endian."""
    return from_bytes(text.encode())


def signing_bytes(value: int) -> bytes:
    """The Montgomery form's limbs, little-endian: what Ed25519 signs of a transaction hash."""
    return to_bytes(value * _MONTGOMERY_RADIX % MODULUS)
