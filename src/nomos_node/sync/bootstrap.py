"""Bootstrap: from mode Bootstrapping to Online.

First comes the initial block download. Then the node waits for a period in which better chains may appear.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from nomos_core.cryptarchia.fork_choice import Mode
from nomos_node.chain.chain import Chain
from nomos_node.sync.initial_download import InitialDownload, InitialDownloadFailed

_log = logging.getLogger("nomos_consensus")


async def bootstrap(chain: Chain, download: InitialDownload, peers: Sequence[str], prolonged_period: float) -> None:
    """Download the chain of the peers, wait for ``prolonged_period`` seconds, and go online.

    Raises:
        InitialDownloadFailed: no peer gave its chain.
    """
    _log.debug("initial block download from %d peers", len(peers))
    try:
        await download.run(peers)
    except InitialDownloadFailed as error:
        _log.error("Initial Block Download failed: %s", error)
        raise
    _log.info("Initial Block Download completed successfully.")
    if chain.mode is Mode.ONLINE:
        return
    _log.info("Received IBD completion notification. Starting prolonged bootstrap timer.")
    await asyncio.sleep(prolonged_period)
    _log.info("Prolonged Bootstrap Period has passed. Switching to Online.")
    await chain.go_online()


async def record_position_regularly(chain: Chain, interval: float) -> None:
    """Record every ``interval`` seconds that the node is alive. Runs for ever."""
    while True:
        await asyncio.sleep(interval)
        await chain.record_position()
