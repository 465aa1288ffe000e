"""Node: makes the services, connects them, and starts and stops them in order.

The database and the chain come first, then the network, then gossip and sync. HTTP answers once all of these are ready.
Until then its ports refuse connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, Self

from nomos_core.config import NodeConfig
from nomos_core.cryptarchia.header import genesis_header
from nomos_core.mantle.operations import ServiceType
from nomos_core.proofs.prover import Prover
from nomos_node import settings
from nomos_node.api.chain_routes import ChainRoutes
from nomos_node.api.da_routes import DaRoutes
from nomos_node.api.mempool_routes import MempoolRoutes
from nomos_node.api.metrics_routes import MetricsRoutes
from nomos_node.api.network_routes import NetworkRoutes
from nomos_node.api.sdp_routes import DeclarationRoutes, SdpRoutes
from nomos_node.api.wallet_routes import WalletRoutes
from nomos_node.chain.blob_sampling import NoSampling
from nomos_node.chain.block_intake import BlockIntake
from nomos_node.chain.chain import Chain
from nomos_node.chain.genesis import checked_genesis
from nomos_node.chain.recovery import open_chain
from nomos_node.chain.rules import LedgerRules
from nomos_node.da.service import DataAvailability
from nomos_node.da.settings import da_settings
from nomos_node.http_apis import NodeRoutes
from nomos_node.leader.leader import Leader
from nomos_node.leader.lottery import Tickets
from nomos_node.machine import this_machine
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import Mempool
from nomos_node.network.peer_network import Network
from nomos_node.node_metrics import node_metrics
from nomos_node.sdp.posting import DeclarationPosting
from nomos_node.sdp.watch import DeclarationWatch
from nomos_node.storage.block_store import BlockStore
from nomos_node.storage.transaction_store import TransactionStore
from nomos_node.surroundings import HttpListeners, Surroundings
from nomos_node.sync.bootstrap import record_position_regularly
from nomos_node.sync.syncing import Syncing, Work
from nomos_node.telemetry.metrics import Metric
from nomos_node.telemetry.otlp import OtlpMessages
from nomos_node.telemetry.push import MetricsPush
from nomos_node.telemetry.traces import NO_TRACES, Tracer
from nomos_node.time.slot_clock import SlotClock
from nomos_node.wallet.wallet import Wallet
from nomos_node.workers import Worker

_log = logging.getLogger("nomos_node")
_WORKER_THREADS: Final = 8
"""Most threads of the worker. Signing a transfer may take seconds, and the lottery must not wait for it."""


class Node:
    """Node. Use it so: ``async with Node(config, prover) as node: await node.run()``. Leaving closes everything.

    ``surroundings`` are those of this machine unless others are given.
    """

    def __init__(self, config: NodeConfig, prover: Prover, surroundings: Surroundings | None = None) -> None:
        self._config = config
        self._prover = prover
        self._surroundings = surroundings or this_machine()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start all services but those that ``run`` runs.

        Raises:
            UnsupportedSetting, DaSettingError, GenesisRefused, RecoveryError, StorageError: the config or the database
                does not fit.
            AddressUnavailable, ListenAddressUnavailable: an address of the config is taken.
        """
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._open.aclose()

    async def run(self) -> None:
        """Run the services for ever. The failure of any service ends the node.

        Raises:
            InitialDownloadFailed: no peer gave its chain.
            StorageError: the database failed.
        """
        async with asyncio.TaskGroup() as tasks:
            for name, work in self._work.items():
                _log.debug("starting the task '%s'", name)
                tasks.create_task(work(), name=name)

    async def _start(self, stack: AsyncExitStack) -> None:
        config, surroundings = self._config, self._surroundings
        settings.check_storage(config)
        da = da_settings(config)
        self._push = settings.push_settings(config.tracing, surroundings.environ)
        self._tracer, self._trace_export = self._traces(stack)
        if da is not None:
            da.kzg.warn_if_missing()
        http = surroundings.open_http(config)
        stack.callback(http.close)
        worker = surroundings.open_worker("blocking work", _WORKER_THREADS)
        stack.callback(worker.close)
        database = surroundings.open_database(Path(config.storage.db_path))
        stack.callback(database.close)
        _ready("Storage")
        store = BlockStore(database)
        chain = self._open_chain(store)
        stack.callback(chain.close)
        _ready("Cryptarchia")
        mempool = Mempool(TransactionStore(database), now_ms=surroundings.unix_milliseconds)
        mempool.recover()
        _ready("Mempool")
        network = surroundings.open_network(settings.network_settings(config), logging.getLogger("nomos_network"))
        topic = config.deployment.mempool.pubsub_topic
        transactions = TransactionGossip(mempool, network, topic, self._tracer)
        availability = None
        if da is not None:
            availability = DataAvailability(
                da,
                surroundings,
                chain=chain,
                mempool=mempool,
                transactions=transactions,
                database=database,
                prover=self._prover,
                worker=worker,
                tracer=self._tracer,
            )
        self._wire(
            chain,
            store,
            mempool=mempool,
            transactions=transactions,
            network=network,
            availability=availability,
            http=http,
            worker=worker,
        )
        await stack.enter_async_context(network)
        logging.getLogger("chain_network").info("libp2p peer_id:%s", network.peer_id)
        for service in ("Network", "ChainNetwork", "Wallet", "CryptarchiaLeader", "Http"):
            _ready(service)
        if availability is not None:
            await stack.enter_async_context(availability)
            for service in ("DaNetwork", "DaVerifier", "DaSampling"):
                _ready(service)
        _announce_blend(chain)

    def _open_chain(self, store: BlockStore) -> Chain:
        rules = LedgerRules(settings.ledger_config(self._config), self._prover)
        transaction = settings.genesis_transaction(self._config)
        genesis = genesis_header(transaction.hash).id
        bootstrap_rules = settings.bootstrap_rules(self._config)
        return open_chain(
            genesis,
            checked_genesis(transaction, rules),
            rules,
            store,
            bootstrap_rules,
            now=self._surroundings.unix_time,
            worker=self._surroundings.open_worker("ledger", 1),
        )

    def _wire(
        self,
        chain: Chain,
        store: BlockStore,
        *,
        mempool: Mempool,
        transactions: TransactionGossip,
        network: Network,
        availability: DataAvailability | None,
        http: HttpListeners,
        worker: Worker,
    ) -> None:
        config, surroundings = self._config, self._surroundings
        clock = SlotClock(settings.slot_schedule(config), surroundings.now_ns)
        sampling = NoSampling() if availability is None else availability.sampler
        wallet = Wallet(chain, config.wallet.known_keys, settings.zk_secret_keys(config))
        intake = BlockIntake(chain, mempool, sampling, clock.current_slot, self._tracer)
        syncing = Syncing(
            chain,
            store,
            mempool=mempool,
            intake=intake,
            network=network,
            settings=settings.sync_settings(config),
            rng=surroundings.rng,
            tracer=self._tracer,
        )
        leader = Leader(
            chain,
            mempool,
            sampling,
            tickets=Tickets(wallet, config.cryptarchia.leader.sk, _active_slot_coeff(chain)),
            turns=settings.turns(config, surroundings.environ),
            publish=syncing.proposals.publish,
            worker=worker,
            tracer=self._tracer,
        )
        metrics = node_metrics(
            chain=chain,
            mempool=mempool,
            proposals=syncing.proposals,
            transactions=transactions,
            network=network,
            availability=availability,
        )
        routes = NodeRoutes(
            chain=ChainRoutes(chain, store),
            mempool=MempoolRoutes(mempool, transactions),
            network=NetworkRoutes(network),
            sdp=SdpRoutes(DeclarationPosting(transactions, self._prover, worker)),
            wallet=WalletRoutes(wallet, chain, transactions, worker),
            declarations=DeclarationRoutes(chain),
            data_availability=DaRoutes(availability),
            metrics=MetricsRoutes(metrics),
            tracer=self._tracer,
        )
        http.offer(routes.api(config), routes.testing_api(config))
        self._work: Work = {
            **syncing.work,
            **({} if availability is None else availability.work),
            "transaction gossip": transactions.run,
            "state recording": partial(record_position_regularly, chain, settings.recording_interval(config)),
            "declarations": DeclarationWatch(chain).run,
            "leader": partial(leader.run, clock),
            "http": http.run,
            **self._metrics_push(metrics, worker),
            **self._trace_export,
        }

    def _traces(self, stack: AsyncExitStack) -> tuple[Tracer, Work]:
        wanted = settings.trace_settings(self._config.tracing)
        if wanted is None:
            return NO_TRACES, {}
        from nomos_node.telemetry.recording import RecordingTracer, SpanQueue
        from nomos_node.telemetry.trace_export import TraceExport

        queue = SpanQueue()
        worker = self._surroundings.open_worker("traces", 1)
        stack.callback(worker.close)
        tracer = RecordingTracer(
            queue,
            service_name=wanted.service_name,
            sample_ratio=wanted.sample_ratio,
            now_ns=self._surroundings.now_ns,
        )
        return tracer, {"trace export": TraceExport(wanted, queue, worker).run}

    def _metrics_push(self, metrics: Sequence[Metric], worker: Worker) -> Work:
        push = self._push
        if push is None:
            return {}
        messages = OtlpMessages(metrics, push.service_name, self._surroundings.now_ns)
        return {"metrics push": MetricsPush(push, messages.serialized, worker).run}


def _active_slot_coeff(chain: Chain) -> float:
    return chain.rules.config.consensus_config.active_slot_coeff


def _announce_blend(chain: Chain) -> None:
    """Log that this node has no Blend.

    Its proposals always go out by gossip: the mix network needs proofs of quota, which no prover here can make.
    """
    providers = len(chain.tip_state().active_providers(ServiceType.BLEND))
    needed = chain.rules.config.blend_minimum_network_size
    log = logging.getLogger("nomos_blend")
    log.debug("this node has no Blend: it mixes no messages, and its proposals go out by gossip")
    if providers < needed:
        log.info("broadcast mode: %d Blend providers, fewer than the minimum network size of %d", providers, needed)
    else:
        log.warning("broadcast mode, although there are %d Blend providers: this node does not mix", providers)


def _ready(service: str) -> None:
    _log.info("Service '%s' is ready.", service)
