"""Server of chain sync: gives peers our tip, and blocks from the newest one that they know up to the one that they
want.

An answer has at most ``MAX_BLOCKS`` blocks, oldest first. A node that is bootstrapping refuses, because its chain may
be the wrong one.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from typing import Final

from nomos_core.codec import CodecError
from nomos_core.cryptarchia.fork_choice import Branch, Mode
from nomos_core.cryptarchia.sync_messages import (
    MAX_ADDITIONAL_BLOCKS,
    PROTOCOL,
    BlockBytes,
    DownloadBlocks,
    Failure,
    NoMoreBlocks,
    Request,
    Tip,
    blocks_response_to_wire,
    request_from_wire,
    tip_response_to_wire,
)
from nomos_core.identifiers import HeaderId
from nomos_node.chain.chain import Chain
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.storage.block_store import BlockStore
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("chain_network")
MAX_BLOCKS: Final = 1000
MAX_CONCURRENT_REQUESTS: Final = 4
NOT_ONLINE: Final = "Node is not in online mode"


class NoPath(Exception):
    """Error: there is no chain from a block that the peer knows to the one that it wants."""


class SyncServer:
    """Server of chain sync."""

    def __init__(self, chain: Chain, store: BlockStore) -> None:
        self._chain = chain
        self._store = store

    def serve(self, network: PeerNetwork) -> None:
        """Register the protocol. Call it before the network starts."""
        network.serve(PROTOCOL, self.answer, max_concurrent=MAX_CONCURRENT_REQUESTS)

    async def answer(self, frame: bytes, peer: str) -> AsyncIterator[bytes]:
        """Yield the frames of the answer to one request. Bytes that are no request get no answer."""
        try:
            request = request_from_wire(frame)
        except CodecError as error:
            _log.debug("peer %s sent no chain sync request: %s", peer, error)
            return
        _log.debug("peer %s asks for %s", peer, _shown(request))
        async for response in self._responses(request):
            _log.log(TRACE, "sync out: answer of %d bytes to peer %s", len(response), peer)
            yield response

    async def _responses(self, request: Request) -> AsyncIterator[bytes]:
        if isinstance(request, DownloadBlocks):
            async for response in self._blocks(request):
                yield blocks_response_to_wire(response)
        else:
            yield tip_response_to_wire(self._tip())

    def _tip(self) -> Tip | Failure:
        info = self._chain.info()
        return Failure(NOT_ONLINE) if info.mode is Mode.BOOTSTRAPPING else Tip(info.tip, info.slot, info.height)

    async def _blocks(self, request: DownloadBlocks) -> AsyncIterator[BlockBytes | NoMoreBlocks | Failure]:
        try:
            if self._chain.mode is Mode.BOOTSTRAPPING:
                raise NoPath(NOT_ONLINE)
            if len(request.additional) > MAX_ADDITIONAL_BLOCKS:
                raise NoPath(f"a request names at most {MAX_ADDITIONAL_BLOCKS} additional blocks")
            known = (request.local_tip, request.latest_immutable, *sorted(request.additional))
            for block in await self.path(request.target, known):
                stored = await self._store.block(block)
                if stored is None:
                    raise NoPath(f"Block not found in storage for header 0x{block.hex()}")
                yield BlockBytes(stored.wire)
            yield NoMoreBlocks()
        except NoPath as error:
            _log.debug("refusing the blocks up to 0x%s: %s", request.target.hex(), error)
            yield Failure(str(error))

    async def path(self, target: HeaderId, known: Iterable[HeaderId]) -> list[HeaderId]:
        """Return ids after the newest known block up to the target, oldest first and at most ``MAX_BLOCKS``.

        Raises:
            NoPath: the target or all known blocks are unknown here.
        """
        branch = self._chain.branch(target)
        if branch is None:
            return await self._immutable_path(known, await self._immutable_slot(target))
        if start := self._newest_common_ancestor(branch, known):
            return [block.id for block in self._chain.path(start, branch)][:MAX_BLOCKS]
        lib = self._chain.lib
        below = await self._immutable_path(known, lib.slot - 1)
        return [*below, lib.id, *(block.id for block in self._chain.path(lib, branch))][:MAX_BLOCKS]

    def _newest_common_ancestor(self, target: Branch[HeaderId], known: Iterable[HeaderId]) -> Branch[HeaderId] | None:
        branches = filter(None, (self._chain.branch(block) for block in known))
        meetings = [self._chain.common_ancestor(branch, target) for branch in branches]
        return max(meetings, key=lambda branch: branch.height, default=None)

    async def _immutable_path(self, known: Iterable[HeaderId], last_slot: int) -> list[HeaderId]:
        slots = [slot for block in known if (slot := await self._slot_if_immutable(block)) is not None]
        if not slots:
            raise NoPath("Failed to find start block")
        return await self._store.immutable_ids(max(slots) + 1, last_slot, MAX_BLOCKS)

    async def _immutable_slot(self, block: HeaderId) -> int:
        slot = await self._slot_if_immutable(block)
        if slot is None:
            raise NoPath(f"Block not found in storage for header 0x{block.hex()}")
        return slot

    async def _slot_if_immutable(self, block: HeaderId) -> int | None:
        if block == self._chain.genesis:
            return 0
        stored = await self._store.block(block)
        return stored.slot if stored and await self._store.is_immutable(stored.slot, block) else None


def _shown(request: Request) -> str:
    return f"the blocks up to 0x{request.target.hex()}" if isinstance(request, DownloadBlocks) else "the tip"
