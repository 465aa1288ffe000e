"""Frames over a libp2p stream, on the side of trio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from libp2p.abc import INetStream
from libp2p.exceptions import BaseLibp2pError
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.transport.quic.exceptions import QUICError

from nomos_node.network.errors import StreamBroken
from nomos_node.network.framing import FrameDecoder, encode_frame

_LIBRARY_ERRORS = (BaseLibp2pError, QUICError, OSError, AssertionError)
"""Errors that the library raises on a lost stream. The assertion errors come from aioquic."""


class FramedStream:
    """Stream of frames to one peer, in both directions."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()

    async def read_frame(self) -> bytes | None:
        """Return the next frame, or None once the peer has ended its side.

        Raises:
            StreamBroken: the stream ended otherwise.
        """
        while (frame := self._decoder.next_frame()) is None:
            try:
                self._decoder.feed(await self._read())
            except StreamEOF:
                if self._decoder.mid_frame:
                    raise StreamBroken("the stream ended in the middle of a frame") from None
                if self._stream.muxed_conn.is_closed:  # the library reports this like a proper end
                    raise StreamBroken("the connection was lost") from None
                return None
            except _LIBRARY_ERRORS as error:
                raise StreamBroken(f"the stream was lost: {error or type(error).__name__}") from error
        return frame

    async def _read(self) -> bytes:
        """Read what has arrived.

        The library may tell the end of a stream before the bytes that came together with it. Those are read by asking
        again.
        """
        try:
            return await self._stream.read()
        except StreamEOF as end:
            try:
                return await self._stream.read()
            except _LIBRARY_ERRORS:  # of a stream that is closed in both directions it says that it is lost
                raise end from None

    async def write_frame(self, payload: bytes) -> None:
        """Send a frame. Waits while the peer does not keep up.

        Raises:
            FrameTooLarge: ``payload`` exceeds 65,535 bytes.
            StreamBroken: the stream is gone.
        """
        frame = encode_frame(payload)
        try:
            await self._stream.write(frame)
        except _LIBRARY_ERRORS as error:
            raise StreamBroken(f"the stream was lost: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """End both sides. What was written still arrives."""
        await self._finish(self._stream.close)

    async def reset(self) -> None:
        """Drop the stream at once."""
        await self._finish(self._stream.reset)

    async def _finish(self, ending: Callable[[], Awaitable[None]]) -> None:
        with trio.CancelScope(shield=True), suppress(*_LIBRARY_ERRORS):  # the stream is gone already
            await ending()
