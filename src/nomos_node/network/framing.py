"""Framing: cuts streams into frames.

On request streams a frame is a 16-bit little-endian length and that many bytes. On gossip streams the length is an
unsigned LEB128 varint.
"""

from __future__ import annotations

from nomos_node.network.errors import FrameTooLarge

MAX_FRAME_SIZE = 0xFFFF
_LENGTH_SIZE = 2
_MAX_VARINT_SIZE = 10


def encode_frame(payload: bytes) -> bytes:
    """Prefix ``payload`` with its length.

    Raises:
        FrameTooLarge: the payload is longer than 65,535 bytes.
    """
    if len(payload) > MAX_FRAME_SIZE:
        raise FrameTooLarge(f"a frame of {len(payload)} bytes: the 16-bit length allows at most {MAX_FRAME_SIZE}")
    return len(payload).to_bytes(_LENGTH_SIZE, "little") + payload


class FrameDecoder:
    """Decoder that cuts the bytes of a request stream into frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next complete frame, or None until more bytes are fed."""
        if len(self._buffer) < _LENGTH_SIZE:
            return None
        end = _LENGTH_SIZE + int.from_bytes(self._buffer[:_LENGTH_SIZE], "little")
        if len(self._buffer) < end:
            return None
        frame = bytes(self._buffer[_LENGTH_SIZE:end])
        del self._buffer[:end]
        return frame

    @property
    def mid_frame(self) -> bool:
        """Whether the decoder has bytes of an unfinished frame."""
        return bool(self._buffer)


class VarintFrameDecoder:
    """Decoder that cuts the bytes of a gossip stream into frames. Frames above ``limit`` bytes are skipped."""

    __slots__ = ("_buffer", "_limit", "_skip")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._skip = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next complete frame, or None until more bytes are fed.

        Raises:
            ValueError: a length of more than 64 bits.
        """
        while True:
            self._drop_skipped()
            header = self._read_length()
            if header is None:
                return None
            length, start = header
            if length <= self._limit:
                break
            self._skip = start + length
        if len(self._buffer) < start + length:
            return None
        frame = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return frame

    def _drop_skipped(self) -> None:
        dropped = min(self._skip, len(self._buffer))
        del self._buffer[:dropped]
        self._skip -= dropped

    def _read_length(self) -> tuple[int, int] | None:
        length = 0
        for position, byte in enumerate(self._buffer[:_MAX_VARINT_SIZE]):
            length |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                return length, position + 1
        if len(self._buffer) >= _MAX_VARINT_SIZE:
            raise ValueError("a frame length of more than 64 bits")
        return None
