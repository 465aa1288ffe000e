"""Services that keep the chain equal to those of the peers: makes them and lists their tasks."""

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
from nomos_node.telemetry.traces import NO_TRACES, Tracer

Work: TypeAlias = Mapping[str, Callable[[], Coroutine[Any, Any, None]]]
"""Endless tasks by name. Each is started once, when the node runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """Settings of sync. Durations are in seconds."""

    topic: str
    """Topic of block proposals."""
    response_timeout: float
    """Longest wait for each message of an answer."""
    max_orphans: int
    initial_peers: Sequence[str]
    """Ids of the peers of the initial block download."""
    prolonged_bootstrap_period: float
    silence: float
    """Time without a new block after which a peer is asked for its tip."""


class Syncing:
    """Services of sync.

    Make it before the network starts, so that peers find the protocol served from the beginning.
    """

    def __init__(
        self,
        chain: Chain,
        store: BlockStore,
        *,
        mempool: Mempool,
        intake: BlockIntake,
        network: PeerNetwork,
        settings: SyncSettings,
        rng: Random,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        client = SyncClient(network, settings.response_timeout)
        impatient = SyncClient(network, min(settings.response_timeout, ORPHAN_RESPONSE_SECONDS))
        orphans = OrphanDownloader(chain, intake, impatient, network, max_waiting=settings.max_orphans, rng=rng)
        self.proposals = ProposalGossip(
            chain=chain,
            mempool=mempool,
            intake=intake,
            orphans=orphans,
            network=network,
            topic=settings.topic,
            tracer=tracer,
        )
        download = InitialDownload(chain, client, orphans)
        self.work: Work = {
            "proposal gossip": self.proposals.run,
            "orphan downloads": orphans.run,
            "catching up": CatchUp(chain, client, orphans, network, patience=settings.silence, rng=rng).run,
            "bootstrap": partial(
                bootstrap, chain, download, settings.initial_peers, settings.prolonged_bootstrap_period
            ),
        }
        SyncServer(chain, store).serve(network)
