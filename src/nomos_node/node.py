"""A node: its services, wired, in the order in which they start and stop.

The database and the chain come first, then the network, then what gossips and syncs. HTTP answers once all of these are
ready; until then its port refuses connections.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from nomos_core.config import NodeConfig
from nomos_core.cryptarchia.header import genesis_header
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, genesis_state
from nomos_core.mantle.operations import ZkAndEd25519Proof
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.proofs.development import made_by_development_prover
from nomos_core.proofs.prover import Prover
from nomos_node import settings
from nomos_node.chain.block_intake import BlockIntake
from nomos_node.chain.chain import Chain
from nomos_node.chain.recovery import BootstrapRules, open_chain
from nomos_node.chain.rules import LedgerRules
from nomos_node.da.sampling import NoSampling
from nomos_node.http import NodeHttp
from nomos_node.leader.leader import Leader
from nomos_node.leader.lottery import Tickets
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import Mempool
from nomos_node.network import NetworkService
from nomos_node.sdp.posting import DeclarationPosting
from nomos_node.storage.block_store import BlockStore
from nomos_node.storage.database import Database
from nomos_node.storage.transaction_store import TransactionStore
from nomos_node.sync.bootstrap import bootstrap, record_position_regularly
from nomos_node.sync.catch_up import CatchUp
from nomos_node.sync.client import SyncClient
from nomos_node.sync.initial_download import InitialDownload
from nomos_node.sync.orphans import OrphanDownloader
from nomos_node.sync.proposals import ProposalGossip
from nomos_node.sync.server import SyncServer
from nomos_node.time.slot_clock import SlotClock
from nomos_node.wallet.wallet import Wallet

_log = logging.getLogger("nomos_node")
_SILENT_SLOTS = 10
"""Slots without a new block after which a peer is asked for its tip."""


class GenesisRefused(Exception):
    """The genesis transaction is none, or was made by another prover; the message says which."""


class Node:
    """``async with Node(config, prover) as node: await node.run()``; leaving closes everything."""

    def __init__(self, config: NodeConfig, prover: Prover) -> None:
        self._config = config
        self._prover = prover
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """
        Raises:
            UnsupportedSetting, GenesisRefused, RecoveryError, StorageError: the config or the database does not fit.
            AddressUnavailable, ListenAddressUnavailable: an address of the config is taken.
        """
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._open.aclose()

    async def run(self) -> None:
        """Endless; ends with the failure of any service.

        Raises:
            InitialDownloadFailed: no peer gave its chain.
        """
        async with asyncio.TaskGroup() as tasks:
            for name, work in self._work.items():
                tasks.create_task(work, name=name)

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self._config
        settings.check_storage(config)
        http = NodeHttp(config)
        stack.callback(http.close)
        database = Database.open(Path(config.storage.db_path))
        stack.callback(database.close)
        _ready("Storage")
        store = BlockStore(database)
        chain = self._open_chain(store)
        stack.callback(chain.close)
        _ready("Cryptarchia")
        mempool = Mempool(TransactionStore(database))
        mempool.recover()
        _ready("Mempool")
        network = NetworkService(settings.network_settings(config))
        self._wire(chain, store, mempool, network, http)
        await stack.enter_async_context(network)
        logging.getLogger("nomos_network").info("libp2p peer_id:%s", network.peer_id)
        for service in ("Network", "ChainNetwork", "Wallet", "CryptarchiaLeader", "Http"):
            _ready(service)

    def _open_chain(self, store: BlockStore) -> Chain:
        rules = LedgerRules(settings.ledger_config(self._config), self._prover)
        transaction = settings.genesis_transaction(self._config)
        bootstrap_config = self._config.cryptarchia.service.bootstrap
        return open_chain(
            genesis_header(transaction.hash).id,
            _genesis_state(transaction, rules),
            rules,
            store,
            BootstrapRules(
                force=bootstrap_config.force_bootstrap,
                grace_period=bootstrap_config.offline_grace_period.grace_period.seconds,
            ),
        )

    def _wire(self, chain: Chain, store: BlockStore, mempool: Mempool, network: NetworkService, http: NodeHttp) -> None:
        config, deployment = self._config, self._config.deployment
        clock = SlotClock(settings.slot_schedule(config))
        sampling = NoSampling()
        wallet = Wallet(chain, config.wallet.known_keys, settings.zk_secret_keys(config))
        intake = BlockIntake(chain, mempool, sampling, clock.current_slot)
        client = SyncClient(network, config.network.backend.swarm.chain_sync_config.peer_response_timeout.seconds)
        orphans = OrphanDownloader(
            chain, intake, client, network, config.cryptarchia.network.sync.orphan.max_orphan_cache_size
        )
        transactions = TransactionGossip(mempool, network, deployment.mempool.pubsub_topic)
        proposals = ProposalGossip(
            chain=chain,
            mempool=mempool,
            intake=intake,
            orphans=orphans,
            network=network,
            topic=deployment.cryptarchia.gossipsub_protocol,
        )
        tickets = Tickets(
            wallet, config.cryptarchia.leader.sk, deployment.cryptarchia.consensus_config.active_slot_coeff
        )
        turns = settings.turns(config, os.environ)
        leader = Leader(chain, mempool, sampling, tickets=tickets, turns=turns, publish=proposals.publish)
        silence = _SILENT_SLOTS * deployment.time.slot_duration.seconds
        bootstrapping = config.cryptarchia.service.bootstrap
        SyncServer(chain, store).serve(network)
        http.offer(
            chain=chain,
            store=store,
            mempool=mempool,
            transactions=transactions,
            wallet=wallet,
            posting=DeclarationPosting(transactions, self._prover),
            network=network,
        )
        self._work: dict[str, Coroutine[Any, Any, None]] = {
            "transaction gossip": transactions.run(),
            "proposal gossip": proposals.run(),
            "orphans": orphans.run(),
            "catch-up": CatchUp(chain, client, orphans, network, silence).run(),
            "bootstrap": bootstrap(
                chain,
                InitialDownload(chain, client, orphans),
                config.cryptarchia.network.bootstrap.ibd.peers,
                bootstrapping.prolonged_bootstrap_period.seconds,
            ),
            "state recording": record_position_regularly(
                chain, bootstrapping.offline_grace_period.state_recording_interval.seconds
            ),
            "leader": leader.run(clock),
            "http": http.run(),
        }


def _ready(service: str) -> None:
    _log.info("Service '%s' is ready.", service)


def _genesis_state(transaction: SignedMantleTx, rules: LedgerRules) -> LedgerState:
    try:
        return genesis_state(transaction, rules.config, rules.prover)
    except (LedgerError, ValueError) as error:
        raise GenesisRefused(_genesis_defect(transaction, rules.prover, error)) from error


def _genesis_defect(transaction: SignedMantleTx, prover: Prover, error: Exception) -> str:
    proofs = [proof for proof in transaction.operation_proofs if isinstance(proof, ZkAndEd25519Proof)]
    development = [made_by_development_prover(proof.zk_signature) for proof in proofs]
    is_development = prover.name == "development"
    if proofs and all(made != is_development for made in development):
        maker = "another prover" if is_development else "the development prover"
        return (
            f"cryptarchia.service.starting_state: the genesis was made by {maker}, this node uses the {prover.name} "
            "prover: run all nodes, and whoever makes the genesis, with the same NOMOS_PROVER"
        )
    return f"cryptarchia.service.starting_state: the ledger refuses the genesis transaction: {error}"
