"""Wire codec: bincode 1.x with fixed-size integers, little-endian, at most 64 KiB, no trailing bytes.

Enum tags are ``u32``. The lengths of lists, strings and byte strings are ``u64``. The bytes read here come from the
network, so every length is checked against the bytes that are left before any are taken.
"""

from __future__ import annotations

from typing import Final, Self

from nomos_core import field

WIRE_LIMIT: Final = 65_536
"""Length of the longest message in bytes, for reading and for writing."""


class CodecError(ValueError):
    """Refusal of bytes that are not a message of the expected form, or of a message that would be too long."""


class Writer:
    """Builder of a message. Every method returns the writer, so fields are chained in wire order.

    Raises:
        CodecError: an integer does not fit in its field.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def u8(self, value: int) -> Self:
        """Write one byte."""
        return self._unsigned(value, 1)

    def u16(self, value: int) -> Self:
        """Write two bytes, little-endian."""
        return self._unsigned(value, 2)

    def u32(self, value: int) -> Self:
        """Write four bytes, little-endian."""
        return self._unsigned(value, 4)

    def u64(self, value: int) -> Self:
        """Write eight bytes, little-endian."""
        return self._unsigned(value, 8)

    def raw(self, data: bytes) -> Self:
        """Write bytes of a fixed length. The length is not written."""
        self._parts.append(data)
        return self

    def byte_string(self, data: bytes) -> Self:
        """Write a length as ``u64``, then the bytes."""
        return self.u64(len(data)).raw(data)

    def field(self, value: int) -> Self:
        """Write a field element: 32 bytes, little-endian."""
        return self.raw(field.to_bytes(value))

    def take(self) -> bytes:
        """Return the message.

        Raises:
            CodecError: it is longer than ``WIRE_LIMIT``.
        """
        data = b"".join(self._parts)
        _check_size(data)
        return data

    def _unsigned(self, value: int, size: int) -> Self:
        try:
            self._parts.append(value.to_bytes(size, "little"))
        except OverflowError:
            raise CodecError(f"{value} does not fit in u{8 * size}") from None
        return self


class Reader:
    """Reader that takes a message apart from front to back.

    Raises:
        CodecError: from every method, when fewer bytes are left than it needs.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """Start at the front of ``data``.

        Raises:
            CodecError: the data is longer than ``WIRE_LIMIT``.
        """
        _check_size(data)
        self._data = data
        self._at = 0

    @property
    def remaining(self) -> int:
        """Number of bytes that are not read yet."""
        return len(self._data) - self._at

    def u8(self) -> int:
        """Read one byte."""
        return self._unsigned(1)

    def u16(self) -> int:
        """Read two bytes, little-endian."""
        return self._unsigned(2)

    def u32(self) -> int:
        """Read four bytes, little-endian."""
        return self._unsigned(4)

    def u64(self) -> int:
        """Read eight bytes, little-endian."""
        return self._unsigned(8)

    def raw(self, size: int) -> bytes:
        """Read ``size`` bytes."""
        if size > self.remaining:
            raise CodecError(f"expected {size} bytes at offset {self._at}, only {self.remaining} are left")
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]

    def byte_string(self) -> bytes:
        """Read a length as ``u64``, then that many bytes."""
        return self.raw(self.u64())

    def field(self) -> int:
        """Read a field element: 32 bytes, little-endian.

        Raises:
            CodecError: the value is above the modulus, or too few bytes are left.
        """
        start = self._at
        try:
            return field.from_bytes(self.raw(field.BYTES))
        except field.FieldError as error:
            raise CodecError(f"field element at offset {start}: {error}") from None

    def end(self) -> None:
        """Check that the whole message was read.

        Raises:
            CodecError: bytes are left over.
        """
        if self.remaining:
            raise CodecError(f"{self.remaining} bytes are left over at offset {self._at}")

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "little")


def _check_size(data: bytes) -> None:
    if len(data) > WIRE_LIMIT:
        raise CodecError(f"a message has at most {WIRE_LIMIT} bytes, got {len(data)}")
