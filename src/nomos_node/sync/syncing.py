"""Everything that keeps the chain the same as the peers': wired together, and the tasks it consists of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, TypeAlias

from nomos_node.chain.block_intake import BlockIntake
from nomos_node.chain.chain import Chain
from nomos_node.mempool.mempool import Mempool
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.storage.block_store import BlockStore
from nomos_node.sync.bootstrap import bootstrap
from nomos_node.sync.catch_up import CatchUp
from nomos_node.sync.client import SyncClient
from nomos_node.sync.initial_download import InitialDownload
from nomos_node.sync.orphans import ORPHAN_RESPONSE_SECONDS, OrphanDownloader
from nomos_node.sync.proposals import ProposalGossip
from nomos_node.sync.server import SyncServer

Work: TypeAlias = Mapping[str, Callable[[], Coroutine[Any, Any, None]]]
"""Endless tasks by name; each is made once, when the node runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """Durations are in seconds."""

    topic: str
    """Of block proposals."""
    response_timeout: float
    """The longest wait for each message of a peer's answer."""
    max_orphans: int
    initial_peers: Sequence[str]
    """Ids of the peers of the initial block download."""
    prolonged_bootstrap_period: float
    silence: float
    """Without a new block for this long, a peer is asked for its tip."""


class Syncing:
    """To be made before the network starts: peers find the protocol served from the first moment."""

    def __init__(
        self,
        chain: Chain,
        store: BlockStore,
        *,
        mempool: Mempool,
        intake: BlockIntake,
        network: PeerNetwork,
        settings: SyncSettings,
        chance: Random,
    ) -> None:
        client = SyncClient(network, settings.response_timeout)
        impatient = SyncClient(network, min(settings.response_timeout, ORPHAN_RESPONSE_SECONDS))
        orphans = OrphanDownloader(chain, intake, impatient, network, max_waiting=settings.max_orphans, chance=chance)
        self.proposals = ProposalGossip(
            chain=chain, mempool=mempool, intake=intake, orphans=orphans, network=network, topic=settings.topic
        )
        download = InitialDownload(chain, client, orphans)
        self.work: Work = {
            "proposal gossip": self.proposals.run,
            "orphan downloads": orphans.run,
            "catching up": CatchUp(chain, client, orphans, network, patience=settings.silence, chance=chance).run,
            "bootstrap": partial(
                bootstrap, chain, download, settings.initial_peers, settings.prolonged_bootstrap_period
            ),
        }
        SyncServer(chain, store).serve(network)
