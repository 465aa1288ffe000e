"""Stream of frames to one peer, on the side of asyncio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from nomos_node.network.errors import NetworkClosed, RequestFailed
from nomos_node.telemetry.instruments import Counter
from nomos_node.telemetry.levels import TRACE

if TYPE_CHECKING:
    from nomos_node.network.libp2p_host.framed_stream import FramedStream
    from nomos_node.network.trio_thread import TrioThread


class Stream:
    """Stream in both directions, short or long-lived. ``async with`` closes it, or resets it after an error.

    ``frames`` counts the frames that arrive.
    """

    def __init__(
        self,
        thread: TrioThread,
        stream: FramedStream,
        *,
        peer_id: str,
        protocol: str,
        frames: Counter,
        log: logging.Logger,
    ) -> None:
        self._thread = thread
        self._stream = stream
        self.peer_id = peer_id
        self.protocol = protocol
        self._frames = frames
        self._log = log

    async def read_frame(self, timeout: float | None = None) -> bytes | None:
        """Return the next frame, or None once the peer has ended its side.

        Raises:
            RequestFailed: nothing came within ``timeout`` seconds.
            StreamBroken: the stream was reset or its connection lost.
        """
        try:
            async with asyncio.timeout(timeout):
                frame = await self._thread.call(self._stream.read_frame)
        except TimeoutError:
            raise RequestFailed(f"peer {self.peer_id} sent nothing on {self.protocol} for {timeout} s") from None
        if frame is not None:
            self._frames.add()
            self._log.log(TRACE, "frame in: %d bytes of %s from peer %s", len(frame), self.protocol, self.peer_id)
        return frame

    async def write_frame(self, payload: bytes) -> None:
        """Send a frame of at most 65,535 bytes. Waits while the peer does not keep up."""
        await self._thread.call(self._stream.write_frame, payload)
        self._log.log(TRACE, "frame out: %d bytes of %s to peer %s", len(payload), self.protocol, self.peer_id)

    async def close(self) -> None:
        """End both sides. What was written still arrives."""
        await self._finish(self._stream.close)

    async def reset(self) -> None:
        """Drop the stream at once: the peer sees it broken."""
        await self._finish(self._stream.reset)

    async def _finish(self, ending: Callable[[], Awaitable[None]]) -> None:
        with suppress(NetworkClosed):  # the network has closed it
            await self._thread.call(ending)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await (self.close() if kind is None else self.reset())
