"""Client of chain sync: asks a peer for its tip, or for the blocks that lead to one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from nomos_core.codec import CodecError
from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_wire import block_from_wire
from nomos_core.cryptarchia.sync_messages import (
    PROTOCOL,
    BlockBytes,
    DownloadBlocks,
    Failure,
    GetTip,
    Request,
    Tip,
    blocks_response_from_wire,
    request_to_wire,
    tip_response_from_wire,
)
from nomos_node.network.errors import NetworkError
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("chain_network")
_OPENING_SECONDS: Final = 2.0


class SyncFailed(Exception):
    """Error: a peer refused, broke off, was too slow, or sent something invalid."""


class SyncClient:
    """Client of chain sync. ``response_timeout`` is the longest wait for each message of an answer, in seconds."""

    def __init__(self, network: PeerNetwork, response_timeout: float) -> None:
        self._network = network
        self._timeout = response_timeout

    async def tip(self, peer: str) -> Tip:
        """Ask a peer for its tip.

        Raises:
            SyncFailed: with the peer's reason if it gave one.
        """
        async with aclosing(self._frames(peer, GetTip())) as frames:
            async for frame in frames:
                return _tip(peer, frame)
        raise SyncFailed(f"peer {peer} ended the stream without its tip")

    async def blocks(self, peer: str, request: DownloadBlocks) -> AsyncIterator[Block]:
        """Yield the blocks of the answer, oldest first.

        A peer sends at most a thousand blocks, so the answer may end before the target.

        Raises:
            SyncFailed: at any point; the blocks before it are good to use.
        """
        async with aclosing(self._frames(peer, request)) as frames:
            async for frame in frames:
                block = _block(peer, frame)
                if block is None:
                    return
                yield block
        raise SyncFailed(f"peer {peer} ended the stream in the middle of the blocks")

    async def _frames(self, peer: str, request: Request) -> AsyncGenerator[bytes, None]:
        wire = request_to_wire(request)
        _log.log(TRACE, "sync out: %s, %d bytes to peer %s", type(request).__name__, len(wire), peer)
        try:
            stream = self._network.request(peer, PROTOCOL, wire, timeout=self._timeout)
            async with aclosing(stream) as frames:
                while True:
                    # Opening a stream to a lost peer may hang too.
                    async with asyncio.timeout(self._timeout + _OPENING_SECONDS):
                        frame = await anext(frames, None)
                    if frame is None:
                        return
                    _log.log(TRACE, "sync in: answer of %d bytes from peer %s", len(frame), peer)
                    yield frame
        except NetworkError as error:
            raise SyncFailed(str(error)) from error
        except TimeoutError as error:
            raise SyncFailed(f"peer {peer} gave no answer in {self._timeout + _OPENING_SECONDS:g} s") from error


def _tip(peer: str, frame: bytes) -> Tip:
    try:
        response = tip_response_from_wire(frame)
    except CodecError as error:
        raise SyncFailed(f"peer {peer} sent no tip: {error}") from error
    if isinstance(response, Failure):
        raise SyncFailed(f"peer {peer} refused: {response.reason}")
    return response


def _block(peer: str, frame: bytes) -> Block | None:
    """Return the block of a frame. None at the end of the answer."""
    try:
        response = blocks_response_from_wire(frame)
        if isinstance(response, BlockBytes):
            return block_from_wire(response.data)
    except ValueError as error:
        raise SyncFailed(f"peer {peer} sent no block: {error}") from error
    if isinstance(response, Failure):
        raise SyncFailed(f"peer {peer} refused: {response.reason}")
    return None
