"""Delivery of a blob's columns to members. Each gets the transaction first, then its columns, on one stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from random import Random

from nomos_core.codec import CodecError
from nomos_core.da.dispersal_messages import (
    DISPERSAL_PROTOCOL,
    DispersalError,
    ShareRequest,
    request_to_wire,
    response_from_wire,
)
from nomos_core.da.encoding import EncodedBlob
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.da.peer_failures import Exchange
from nomos_node.da.sessions import SessionMembers
from nomos_node.da.swarm import DaSwarm
from nomos_node.network.errors import NetworkError
from nomos_node.network.peer_network import FrameStream
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_da_dispersal")


class Delivery:
    """Delivery of one blob. ``rng`` draws the order in which the members of a subnetwork are asked."""

    def __init__(
        self,
        blob: EncodedBlob,
        transaction: SignedMantleTx,
        members: SessionMembers,
        swarm: DaSwarm,
        rng: Random,
    ) -> None:
        self._blob = blob
        self._announcement = request_to_wire(transaction)
        self._members = members
        self._swarm = swarm
        self._rng = rng
        self._missing = set(range(blob.columns))

    def missing_text(self) -> str:
        """Name the columns that no member has accepted yet."""
        return f"columns {sorted(self._missing)}"

    async def attempt(self) -> list[str]:
        """Send every column that no member has accepted yet. Return the reasons of the failures."""
        conversations: dict[str, _Conversation] = {}
        try:
            outcomes = await asyncio.gather(*(self._give(column, conversations) for column in sorted(self._missing)))
        finally:
            await asyncio.shield(_closed(conversations.values()))
        return [failure for failure in outcomes if failure is not None]

    async def _give(self, column: int, conversations: dict[str, _Conversation]) -> str | None:
        members = self._members.members_of(column)
        others = [peer for peer in members if peer != self._swarm.peer_id]
        failure = None if members else f"subnetwork {column} has no members"
        for peer in self._rng.sample(others, len(others)):
            if peer not in conversations:
                conversations[peer] = _Conversation(peer, self._swarm, self._announcement)
            failure = await self._give_to(conversations[peer], column)
            if failure is None:
                break
        if failure is None:
            self._missing.discard(column)
        return failure

    async def _give_to(self, conversation: _Conversation, column: int) -> str | None:
        try:
            await conversation.send(ShareRequest.of(self._blob.share(column)))
        except (NetworkError, _Refused) as error:
            _log.debug("blob %s: column %d not taken: %s", self._blob.blob_id.hex(), column, error)
            return str(error)
        _log.debug("blob %s: column %d taken by %s", self._blob.blob_id.hex(), column, conversation.peer)
        return None


class _Refused(Exception):
    """Error: a member did not accept what it was sent."""


class _Conversation:
    """Stream to a member. The transaction goes first."""

    def __init__(self, peer: str, swarm: DaSwarm, announcement: bytes) -> None:
        self.peer = peer
        self._swarm = swarm
        self._announcement = announcement
        self._stream: FrameStream | None = None
        self._turn = asyncio.Lock()
        self._failure: NetworkError | _Refused | None = None

    async def send(self, request: ShareRequest) -> None:
        """Send a share, after the transaction if that was not sent yet.

        Raises:
            NetworkError: the member can't be reached, or was lost.
            _Refused: it does not take the share, or the transaction.
        """
        async with self._turn:
            if self._failure is not None:
                raise self._failure
            try:
                if self._stream is None:
                    self._stream = await self._swarm.open_stream(self.peer, DISPERSAL_PROTOCOL)
                    await self._exchange(self._stream, self._announcement)
                await self._exchange(self._stream, request_to_wire(request))
            except (NetworkError, _Refused) as error:
                self._failure = error
                await self._swarm.record_failure(self.peer, Exchange.DISPERSAL, error)
                raise

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()

    async def _exchange(self, stream: FrameStream, frame: bytes) -> None:
        await stream.write_frame(frame)
        _log.log(TRACE, "out: %d bytes to peer %s", len(frame), self.peer)
        answer = await stream.read_frame()
        if answer is None:
            raise _Refused(f"peer {self.peer} ended the stream without an answer")
        try:
            response = response_from_wire(answer)
        except CodecError as error:
            raise _Refused(f"peer {self.peer} answered nonsense: {error}") from None
        if isinstance(response, DispersalError):
            raise _Refused(f"peer {self.peer} refused: {response.description}")


async def _closed(conversations: Iterable[_Conversation]) -> None:
    await asyncio.gather(*(conversation.close() for conversation in conversations))
