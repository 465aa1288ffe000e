"""Initial block download (IBD): a node asks the configured peers for their chains before it trusts its own.

Without configured peers it is done at once. A peer that can't be reached is asked again until ``PATIENCE`` is over: in
a network that starts at once, no peer is ready at first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from nomos_core.cryptarchia.fork_choice import UnknownParentError
from nomos_node.chain.chain import BlockRejected, Chain
from nomos_node.sync.client import SyncClient, SyncFailed
from nomos_node.sync.orphans import OrphanDownloader

_log = logging.getLogger("chain_network")
PATIENCE: Final = 10.0
_RETRY_AFTER: Final = 0.2


class InitialDownloadFailed(Exception):
    """Error: no configured peer gave its chain."""


class InitialDownload:
    """Initial block download. ``patience`` is in seconds."""

    def __init__(
        self, chain: Chain, client: SyncClient, downloader: OrphanDownloader, *, patience: float = PATIENCE
    ) -> None:
        self._chain = chain
        self._client = client
        self._downloader = downloader
        self._patience = patience

    async def run(self, peers: Sequence[str]) -> None:
        """Catch up with all peers at the same time.

        Raises:
            InitialDownloadFailed: every one of them failed.
        """
        failures = await asyncio.gather(*(self._catch_up_with(peer) for peer in peers))
        if peers and all(failures):
            raise InitialDownloadFailed(
                f"no peer of cryptarchia.network.bootstrap.ibd.peers gave its chain within {self._patience:g} s: "
                + "; ".join(filter(None, failures))
            )

    async def _catch_up_with(self, peer: str) -> str | None:
        """Download the chain of a peer. Return why that failed, or None when our chain has its tip."""
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                await self._download(peer)
                _log.info("the chain of peer %s is here", peer)
                return None
            except (SyncFailed, BlockRejected, UnknownParentError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    _log.error("A peer was dropped from IBD due to error: %s", error)
                    return str(error)
                await asyncio.sleep(_RETRY_AFTER)

    async def _download(self, peer: str) -> None:
        while (tip := (await self._client.tip(peer)).tip) not in self._chain:
            await self._downloader.download(peer, tip)
