"""Data availability as one service of a node: makes its parts and connects them."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import Final, Self

from nomos_core.da.dispersal_messages import DISPERSAL_PROTOCOL, REPLICATION_PROTOCOL
from nomos_core.da.sampling_messages import SAMPLING_PROTOCOL
from nomos_core.proofs.prover import Prover
from nomos_node.chain.chain import Chain
from nomos_node.da.balancer import Balancer
from nomos_node.da.blob_store import BlobStore
from nomos_node.da.dispersal import Dispersal
from nomos_node.da.dispersal_server import DispersalServer
from nomos_node.da.kzg import Kzg
from nomos_node.da.replication import Replication
from nomos_node.da.sampler import Sampler
from nomos_node.da.sampling_client import SamplingClient
from nomos_node.da.sampling_server import SamplingServer
from nomos_node.da.sessions import Sessions
from nomos_node.da.settings import DaSettings
from nomos_node.da.swarm import DaSwarm
from nomos_node.da.verifier import Verifier
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import Mempool
from nomos_node.storage.database import Database
from nomos_node.surroundings import Surroundings
from nomos_node.sync.syncing import Work
from nomos_node.telemetry.traces import NO_TRACES, Tracer
from nomos_node.workers import Worker

_log = logging.getLogger("nomos_da_network")
_STREAMS: Final = 256
"""Most inbound streams of one protocol at the same time."""


class DataAvailability:
    """Service of data availability. ``async with`` starts the network and closes everything. Run ``work`` meanwhile.

    ``dispersal`` is None on validators. ``worker`` signs transactions.

    Raises:
        StorageError: the database failed.
    """

    def __init__(
        self,
        settings: DaSettings,
        surroundings: Surroundings,
        *,
        chain: Chain,
        mempool: Mempool,
        transactions: TransactionGossip,
        database: Database,
        prover: Prover,
        worker: Worker,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        rng = surroundings.rng
        self.store = BlobStore(database)
        self.kzg = Kzg(settings.kzg, surroundings.open_worker("kzg", 1), surroundings.start_encoder)
        self.sessions = Sessions(settings.membership, database, chain)
        self.network = surroundings.open_network(settings.network, _log)
        self.swarm = DaSwarm(self.network, self.sessions.address_of, settings.connections)
        self.balancer = Balancer(self.swarm, self.sessions, settings.connections, rng)
        self.verifier = Verifier(
            self.kzg,
            self.store,
            self.sessions,
            transactions=transactions,
            settings=settings.trigger,
            peer_id=self.swarm.peer_id,
            tracer=tracer,
        )
        self._replication = Replication(self.swarm, self.sessions, self.verifier, self.kzg, settings.replication)
        client = SamplingClient(self.swarm, self.kzg, self.store, settings.sampling, rng)
        self.sampler = Sampler(
            client,
            self.sessions,
            mempool,
            columns=settings.kzg.columns,
            settings=settings.sampling,
            rng=rng,
            tracer=tracer,
        )
        self.dispersal: Dispersal | None = None
        if settings.dispersal is not None:
            self.dispersal = Dispersal(
                self.kzg,
                self.swarm,
                self.sessions,
                verifier=self.verifier,
                replication=self._replication,
                prover=prover,
                settings=settings.dispersal,
                worker=worker,
                rng=rng,
                tracer=tracer,
            )
        self._serve()
        self._open = AsyncExitStack()

    @property
    def work(self) -> Work:
        return {
            "data availability sessions": self.sessions.run,
            "data availability connections": self.swarm.run,
            "data availability balancer": self.balancer.run,
            "data availability verifier": self.verifier.run,
            "data availability sampling": self.sampler.run,
        }

    async def __aenter__(self) -> Self:
        """
        Raises:
            ListenAddressUnavailable: the UDP port is in use.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.kzg.close)
            await self.sessions.follow()
            await stack.enter_async_context(self.network)
            stack.push_async_callback(self._replication.close)
            stack.push_async_callback(self.sampler.close)
            self._open = stack.pop_all()
        _log.info("DA peer_id: %s", self.swarm.peer_id)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._open.aclose()

    def _serve(self) -> None:
        dispersal = DispersalServer(self.kzg, self.verifier, self._replication)
        handlers = {
            DISPERSAL_PROTOCOL: dispersal.serve,
            REPLICATION_PROTOCOL: self._replication.serve,
            SAMPLING_PROTOCOL: SamplingServer(self.store).serve,
        }
        for protocol, handler in handlers.items():
            self.network.serve_streams(protocol, handler, max_concurrent=_STREAMS)
