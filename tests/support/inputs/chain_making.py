"""Chains for tests: a genesis of ours, blocks forged on any parent, and the services of a node around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_validity import sign_block
from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig
from nomos_core.cryptarchia.header import genesis_header
from nomos_core.cryptarchia.leadership_proof import make_leader_proof
from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, HeaderId
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.ledger.state import genesis_state, leader_public
from nomos_core.mantle.genesis import genesis_transaction
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.operations import ChannelInscribe, ServiceType
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver
from nomos_node.chain.blob_sampling import BlobSampling, NoSampling
from nomos_node.chain.block_intake import BlockIntake, Origin
from nomos_node.chain.chain import Chain
from nomos_node.chain.recovery import BootstrapRules, open_chain
from nomos_node.chain.rules import LedgerRules
from nomos_node.leader.leader import LEADER_KEY
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import Mempool
from nomos_node.storage.block_store import BlockStore
from nomos_node.storage.database import Database
from nomos_node.storage.transaction_store import TransactionStore
from nomos_node.sync.client import SyncClient
from nomos_node.sync.orphans import OrphanDownloader
from nomos_node.sync.proposals import ProposalGossip
from nomos_node.sync.server import SyncServer
from nomos_node.workers import ThreadWorker
from support.fakes.memory_network import MemoryPeer

PROVER = DevelopmentProver()
SECRETS = tuple(range(1, 9))
"""The secret keys of the genesis notes, of which each holds ``VALUE``."""
VALUE = 100
GENESIS = genesis_transaction([Note(VALUE, zk_public_key(secret)) for secret in SECRETS], [], PROVER)
GENESIS_ID: HeaderId = genesis_header(GENESIS.hash).id
NOTES = utxos_of(GENESIS.mantle_tx.ledger_tx)
_SERVICE = ServiceParameters(session_duration=1000, lock_period=10, inactivity_period=20, retention_period=100)
_PATIENCE = 10.0


def rules(security_param: int = 3) -> LedgerRules:
    config = LedgerConfig(
        epoch_config=EpochConfig(3, 3, 4),
        consensus_config=ConsensusConfig(security_param, 0.9),
        services=dict.fromkeys(ServiceType, _SERVICE),
        minimum_stake=1,
        blend_minimum_network_size=30,
    )
    return LedgerRules(config, PROVER)


def transfer(index: int, *, to: int = 99, value: int = VALUE) -> SignedMantleTx:
    """Spend genesis note ``index`` completely, or out of balance with another ``value``."""
    ledger_tx = LedgerTx((NOTES[index].id,), (Note(value, zk_public_key(to)),))
    return sign_transaction(MantleTx(ledger_tx=ledger_tx), ledger_keys=(SECRETS[index],), prover=PROVER)


def inscription(text: bytes, channel: int = 1) -> SignedMantleTx:
    """The first message of a channel."""
    key = Ed25519Key(bytes(31) + b"\x05")
    message = ChannelInscribe(ChannelId(channel.to_bytes(32)), text, ROOT_MSG_ID, key.public)
    return sign_transaction(MantleTx((message,)), operation_signers=(Ed25519Signer(key),), prover=PROVER)


def forge(
    chain: Chain, slot: int, transactions: Iterable[SignedMantleTx] = (), parent: HeaderId | None = None
) -> Block:
    """A signed block on ``parent`` (the tip); its transactions are not looked at."""
    parent = chain.tip.id if parent is None else parent
    state = chain.state(parent)
    assert state is not None
    proof = make_leader_proof(leader_public(state, slot, chain.rules.config), leader_key=LEADER_KEY.public)
    return sign_block(parent, slot, proof, tuple(transactions), LEADER_KEY)


async def grow(chain: Chain, slots: Iterable[int]) -> list[Block]:
    """Add an empty block on the tip in each slot."""
    blocks = []
    for slot in slots:
        block = forge(chain, slot)
        await chain.add_block(block)
        blocks.append(block)
    return blocks


async def extend(chain: Chain, parent: HeaderId, slots: Iterable[int]) -> list[Block]:
    """Add an empty block in each slot on top of ``parent``, whether that is the tip's fork or not."""
    blocks: list[Block] = []
    for slot in slots:
        block = forge(chain, slot, parent=blocks[-1].id if blocks else parent)
        await chain.add_block(block)
        blocks.append(block)
    return blocks


async def reached(what: str, condition: Callable[[], object]) -> None:
    """Let other tasks run until the condition holds; an assertion error that names it when it does not."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {_PATIENCE} s for {what}"
        await asyncio.sleep(0.005)


@dataclass
class TestNode:
    """The services around a chain, on a network in memory. Nothing runs by itself but what ``run`` is given."""

    __test__ = False
    genesis: SignedMantleTx = GENESIS
    database: Database = field(default_factory=Database.in_memory)
    ledger_rules: LedgerRules = field(default_factory=rules)
    bootstrap: BootstrapRules = field(default_factory=BootstrapRules)
    sampling: BlobSampling = field(default_factory=NoSampling)
    network: MemoryPeer = field(default_factory=MemoryPeer)
    current_slot: int = 0

    def __post_init__(self) -> None:
        self.store = BlockStore(self.database)
        state = genesis_state(self.genesis, self.ledger_rules.config, PROVER)
        genesis = genesis_header(self.genesis.hash).id
        self.chain = open_chain(
            genesis,
            state,
            self.ledger_rules,
            self.store,
            self.bootstrap,
            now=time.time,
            worker=ThreadWorker("ledger", 1),
        )
        self.mempool = Mempool(TransactionStore(self.database), now_ms=lambda: time.time_ns() // 10**6)
        self.mempool.recover()
        self.transactions = TransactionGossip(self.mempool, self.network, "mantle")
        self.intake = BlockIntake(self.chain, self.mempool, self.sampling, lambda: self.current_slot)
        self.client = SyncClient(self.network, 1.0)
        self.orphans = OrphanDownloader(
            self.chain, self.intake, self.client, self.network, max_waiting=5, rng=Random(0)
        )
        self.proposals = ProposalGossip(
            chain=self.chain,
            mempool=self.mempool,
            intake=self.intake,
            orphans=self.orphans,
            network=self.network,
            topic="proposals",
        )
        self.server = SyncServer(self.chain, self.store)
        self.server.serve(self.network)

    async def include(self, slot: int, transactions: Sequence[SignedMantleTx]) -> Block:
        block = forge(self.chain, slot, transactions)
        await self.intake.take(block, Origin.SYNC)
        return block

    def close(self) -> None:
        self.chain.close()
        self.database.close()
