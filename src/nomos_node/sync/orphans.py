"""Orphans: blocks whose ancestors are missing. Their chain is downloaded from peers.

Wanted blocks wait in a short queue. When it is full, further ones are forgotten: their children will be orphans again.
Blocks are fetched one at a time. The first peer to ask is the one that named the block. Then up to ``PEERS_TO_TRY``
others are asked.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from random import Random
from typing import Final

from nomos_core.cryptarchia.fork_choice import UnknownParentError
from nomos_core.cryptarchia.sync_messages import DownloadBlocks
from nomos_core.identifiers import HeaderId
from nomos_node.chain.block_intake import BlockIntake, Origin
from nomos_node.chain.chain import BlockRejected, Chain
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.storage.database import StorageError
from nomos_node.sync.client import SyncClient, SyncFailed

_log = logging.getLogger("chain_network")
PEERS_TO_TRY: Final = 3
ORPHAN_RESPONSE_SECONDS: Final = 3.0
"""Longest wait for a message of a peer. It is short, because other peers have the block too, and other blocks wait."""


@dataclass(slots=True)
class _Wanted:
    block: HeaderId
    known_to: list[str] = field(default_factory=list)


class OrphanDownloader:
    """Downloader of orphans. ``rng`` draws the peers to try."""

    def __init__(
        self,
        chain: Chain,
        intake: BlockIntake,
        client: SyncClient,
        network: PeerNetwork,
        *,
        max_waiting: int,
        rng: Random,
    ) -> None:
        self._chain = chain
        self._intake = intake
        self._client = client
        self._network = network
        self._max_waiting = max_waiting
        self._rng = rng
        self._waiting: dict[HeaderId, _Wanted] = {}
        self._fetching: HeaderId | None = None
        self._arrived = asyncio.Event()

    def want(self, block: HeaderId, known_to: str | None = None) -> None:
        """Queue a block and its missing ancestors for download. ``known_to`` is a peer that has them."""
        if block in self._chain or block == self._fetching:
            return
        if block not in self._waiting:
            if len(self._waiting) >= self._max_waiting:
                _log.debug("not asking for block 0x%s: %d others wait already", block.hex(), len(self._waiting))
                return
            _log.debug("asking for block 0x%s and its missing ancestors", block.hex())
            self._waiting[block] = _Wanted(block)
        if known_to is not None:
            self._waiting[block].known_to.append(known_to)
        self._arrived.set()

    async def run(self) -> None:
        """Download the wanted blocks for ever."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                wanted = self._waiting.pop(next(iter(self._waiting)))
                self._fetching = wanted.block
                try:
                    await self._fetch(wanted)
                finally:
                    self._fetching = None

    async def _fetch(self, wanted: _Wanted) -> None:
        if wanted.block in self._chain:
            return
        for peer in await self._peers_for(wanted):
            try:
                await self.download(peer, wanted.block)
                return
            except SyncFailed as error:
                _log.warning("Error while fetching blocks for 0x%s: %s", wanted.block.hex(), error)
            except (BlockRejected, UnknownParentError) as error:
                _log.error("Error processing orphan downloader block from peer %s: %s", peer, error)
            except StorageError:
                raise
            except Exception:
                _log.exception("blocks of peer %s could not be processed", peer)

    async def _peers_for(self, wanted: _Wanted) -> list[str]:
        connected = set(await self._network.peers())
        first = [peer for peer in dict.fromkeys(wanted.known_to) if peer in connected]
        others = sorted(connected.difference(first))
        return first + self._rng.sample(others, min(PEERS_TO_TRY, len(others)))

    async def download(self, peer: str, target: HeaderId) -> None:
        """Fetch the chain up to ``target`` from one peer.

        Raises:
            SyncFailed: the peer failed, or stopped short of the target.
            UnknownParentError, BlockRejected, StorageError: as ``BlockIntake.take``.
        """
        last: HeaderId | None = None
        while target not in self._chain:
            info = self._chain.info()
            _log.debug("downloading the blocks up to 0x%s from peer %s", target.hex(), peer)
            additional = frozenset() if last is None else frozenset({last})
            received, last = last, None
            async for block in self._client.blocks(peer, DownloadBlocks(target, info.tip, info.lib, additional)):
                if await self._intake.take(block, Origin.SYNC):
                    _log.info("Processing block from orphan downloader: 0x%s", block.id.hex())
                last = block.id
            if last is None or last == received:
                raise SyncFailed(f"peer {peer} has no blocks on the way to 0x{target.hex()}")
