"""Catching up: a node notices that its chain is behind.

It asks a peer for its tip when the peer connects. It asks one of the peers when no new block comes. Gossip alone is not
enough for a node that restarted while the others are silent, or whose messages were lost.
"""

from __future__ import annotations

import asyncio
import logging
from random import Random

from nomos_node.chain.chain import Chain
from nomos_node.network.events import PeerConnected
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.sync.client import SyncClient, SyncFailed
from nomos_node.sync.orphans import OrphanDownloader

_log = logging.getLogger("chain_network")


class CatchUp:
    """Asks peers for their tip.

    ``patience`` is the longest time without a new block, in seconds. Then one peer is asked, which ``rng`` draws.
    """

    def __init__(
        self,
        chain: Chain,
        client: SyncClient,
        downloader: OrphanDownloader,
        network: PeerNetwork,
        *,
        patience: float,
        rng: Random,
    ) -> None:
        self._chain = chain
        self._client = client
        self._downloader = downloader
        self._network = network
        self._patience = patience
        self._rng = rng

    async def run(self) -> None:
        """Ask peers for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask_silent_network())
            async with self._network.peer_events() as events:
                for peer in await self._network.peers():
                    tasks.create_task(self.ask(peer))
                async for event in events:
                    if isinstance(event, PeerConnected):
                        tasks.create_task(self.ask(event.peer_id))

    async def ask(self, peer: str) -> None:
        """Ask a peer for its tip. Download its chain if the tip is unknown here."""
        try:
            tip = await self._client.tip(peer)
        except SyncFailed as error:
            _log.debug("no tip from peer %s: %s", peer, error)
            return
        known = tip.tip in self._chain
        seen = "known" if known else "unknown"
        _log.debug("peer %s has tip 0x%s at height %d, %s here", peer, tip.tip.hex(), tip.height, seen)
        if not known and tip.height >= self._chain.lib.height:
            self._downloader.want(tip.tip, known_to=peer)

    async def _ask_silent_network(self) -> None:
        async with self._chain.new_blocks.subscribe() as new_blocks:
            while True:
                try:
                    async with asyncio.timeout(self._patience):
                        await anext(new_blocks)
                except TimeoutError:
                    peers = await self._network.peers()
                    _log.info("no new block for %g s: asking one of %d peers for its tip", self._patience, len(peers))
                    if peers:
                        await self.ask(self._rng.choice(peers))
                except StopAsyncIteration:
                    return
