"""Framing of request streams: each frame is a 16-bit little-endian length and that many bytes."""

from __future__ import annotations

from nomos_node.network.errors import FrameTooLarge

MAX_FRAME_SIZE = 0xFFFF
_LENGTH_SIZE = 2


def encode_frame(payload: bytes) -> bytes:
    """Prefix ``payload`` with its length.

    Raises:
        FrameTooLarge: the payload is longer than 65,535 bytes.
    """
    if len(payload) > MAX_FRAME_SIZE:
        raise FrameTooLarge(f"a frame of {len(payload)} bytes: the 16-bit length allows at most {MAX_FRAME_SIZE}")
    return len(payload).to_bytes(_LENGTH_SIZE, "little") + payload


class FrameDecoder:
    """Cuts the bytes of a stream into frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """The next complete frame, or ``None`` until more bytes are fed."""
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
        """Whether bytes of an unfinished frame are held."""
        return bool(self._buffer)
