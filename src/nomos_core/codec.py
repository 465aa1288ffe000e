"""The wire codec: bincode 1.x with fixed-size integers, little-endian, at most 64 KiB, no trailing bytes.

Enum tags are ``u32``, the lengths of lists, strings and byte strings ``u64``. What is read here came from the network,
so every length is checked against the bytes that are there before anything is cut out.
"""

from __future__ import annotations

from typing import Final, Self

from nomos_core import field

WIRE_LIMIT: Final = 65_536
"""The largest message, in bytes, both ways."""


class CodecError(ValueError):
    """The bytes are no message of the expected shape, or a message would be too large."""


class Writer:
    """Builds a message; every method returns the writer, so that fields are chained in wire order."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def u8(self, value: int) -> Self:
        return self._unsigned(value, 1)

    def u16(self, value: int) -> Self:
        return self._unsigned(value, 2)

    def u32(self, value: int) -> Self:
        return self._unsigned(value, 4)

    def u64(self, value: int) -> Self:
        return self._unsigned(value, 8)

    def raw(self, data: bytes) -> Self:
        """Bytes of a fixed length: no length is written."""
        self._parts.append(data)
        return self

    def byte_string(self, data: bytes) -> Self:
        """A ``u64`` length, then the bytes."""
        return self.u64(len(data)).raw(data)

    def field(self, value: int) -> Self:
        return self.raw(field.to_bytes(value))

    def take(self) -> bytes:
        """The message.

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
    """Takes a message apart from front to back; every method raises ``CodecError`` when the bytes run out."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """
        Raises:
            CodecError: the data is longer than ``WIRE_LIMIT``.
        """
        _check_size(data)
        self._data = data
        self._at = 0

    @property
    def remaining(self) -> int:
        """How many bytes are unread."""
        return len(self._data) - self._at

    def u8(self) -> int:
        return self._unsigned(1)

    def u16(self) -> int:
        return self._unsigned(2)

    def u32(self) -> int:
        return self._unsigned(4)

    def u64(self) -> int:
        return self._unsigned(8)

    def raw(self, size: int) -> bytes:
        if size > self.remaining:
            raise CodecError(f"expected {size} bytes at offset {self._at}, only {self.remaining} are left")
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]

    def byte_string(self) -> bytes:
        return self.raw(self.u64())

    def field(self) -> int:
        start = self._at
        try:
            return field.from_bytes(self.raw(field.BYTES))
        except field.FieldError as error:
            raise CodecError(f"field element at offset {start}: {error}") from None

    def end(self) -> None:
        """
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
