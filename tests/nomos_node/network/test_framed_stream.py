"""Frames are read whole, also where the library tells the end of a stream before its last bytes."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from nomos_node.network.errors import StreamBroken
from nomos_node.network.framing import encode_frame
from nomos_node.network.libp2p_host import framed_stream  # before the library, which else sets up the log of its own
from nomos_node.network.libp2p_host.framed_stream import FramedStream

StreamReset = sys.modules["libp2p.network.stream.exceptions"].StreamReset

END = None


class ScriptedStream:
    """Answers each read with the next part; ``END`` is the end of the stream, which the last part repeats."""

    def __init__(self, *parts: bytes | None) -> None:
        self.muxed_conn = type("Connection", (), {"is_closed": False})()
        self._parts = list(parts)
        self._ended = False
        self.lost_after_end = False

    async def read(self) -> bytes:
        if self._ended and self.lost_after_end:
            raise StreamReset
        part = self._parts.pop(0) if self._parts else END
        if part is END:
            self._ended = True
            raise framed_stream.StreamEOF
        return part


async def frames_of(*parts: bytes | None) -> list[bytes]:
    stream = FramedStream(cast("Any", ScriptedStream(*parts)))
    found = []
    while (frame := await stream.read_frame()) is not None:
        found.append(frame)
    return found


FIRST, SECOND = encode_frame(b"first"), encode_frame(b"second")


@pytest.mark.parametrize(
    "parts",
    [
        (FIRST + SECOND, END),
        (FIRST, END, SECOND),  # the end between two frames
        (FIRST[:3], END, FIRST[3:] + SECOND),  # the end in the middle of a frame
    ],
)
async def test_bytes_that_came_with_the_end_are_read(parts: tuple[bytes | None, ...]) -> None:
    assert await frames_of(*parts) == [b"first", b"second"]


async def test_a_stream_that_is_closed_in_both_directions_has_ended_and_is_not_lost() -> None:
    stream = ScriptedStream(FIRST, END)
    stream.lost_after_end = True
    frames = FramedStream(cast("Any", stream))
    assert [await frames.read_frame(), await frames.read_frame()] == [b"first", None]


async def test_a_frame_whose_rest_never_comes_is_a_broken_stream() -> None:
    with pytest.raises(StreamBroken, match="in the middle of a frame"):
        await frames_of(FIRST + SECOND[:4], END)
