"""A network in memory that keeps blobs: nodes that disperse, hold and serve real shares, and put blobs into blocks.

A blob comes into a block when the network "produces" one and every column has a holder that answers; parents must link,
as in the ledger. Nothing here listens: the nodes are clients that answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from nomos_core.cryptarchia.block import Block
from nomos_core.da.encoding import encode
from nomos_core.da.kzg_generator import generated_params
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.shares import LightShare
from nomos_core.identifiers import (
    ROOT_MSG_ID,
    BlobId,
    ChannelId,
    Ed25519PublicKey,
    HeaderId,
    MsgId,
    TxHash,
    ZkSignature,
)
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.node_identity import NodeIdentity
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.answers import ConsensusInfo, Membership, Mode, TransactionStatus
from nomos_testing.client.errors import NodeRefused, NodeUnreachable
from nomos_testing.cluster.roles import Role
from nomos_testing.journal.journal import Entry, Journal
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.interfaces import RunPlan
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.presets import DataAvailability
from nomos_testing.topology.timing import RunTiming
from nomos_testing.waiting.machine import Patience
from nomos_testing.workloads.blobs.channels import ChannelProgress, inscription
from nomos_testing.workloads.blobs.inclusion import SIGNER, Dispersed, channel_of
from nomos_testing.workloads.blobs.planning import channel_id
from support.fakes.fake_chain import GENESIS_ID, fake_block

E = TypeVar("E")

COLUMNS = 2
SLOT_SECONDS = 0.02
_BASIS = KzgParams.parse(generated_params(COLUMNS + 1), "fake").basis(COLUMNS)


@dataclass
class FakeDaNetwork:
    """``holders`` has the names of the nodes that get each column, ``mortal`` of those that die after a dispersal."""

    holders: Mapping[int, Sequence[str]]
    mortal: Sequence[str] = ()
    nodes: dict[str, FakeDaNode] = field(default_factory=dict)
    chain: list[Block] = field(default_factory=list)
    mempool: list[ChannelInscribe | ChannelBlob] = field(default_factory=list)

    def add(self, role: Role, index: int) -> FakeDaNode:
        node = FakeDaNode(self, role, index)
        self.nodes[node.name] = node
        return node

    def produce(self, *, empty: bool = False, branch: int = 0) -> Block:
        """Make the next block of all messages that link to their channel's tip and can be sampled."""
        taken: list[ChannelInscribe | ChannelBlob] = []
        for message in [] if empty else list(self.mempool):
            if self._fits(message, taken):
                taken.append(message)
                self.mempool.remove(message)
        parent = self.chain[-1].id if self.chain else GENESIS_ID
        plain = fake_block(parent, len(self.chain) + 1, branch=branch)
        self.chain.append(replace(plain, transactions=tuple(map(_unsigned, taken))))
        return self.chain[-1]

    def messages(self, channel: ChannelId) -> list[ChannelInscribe | ChannelBlob]:
        """Those of a channel that are on the chain, in their order."""
        transactions = (transaction for block in self.chain for transaction in block.transactions)
        operations = (operation for transaction in transactions for operation in transaction.mantle_tx.operations)
        return [
            operation
            for operation in operations
            if isinstance(operation, ChannelInscribe | ChannelBlob) and channel_of(operation) == channel
        ]

    def _fits(self, message: ChannelInscribe | ChannelBlob, taken: Sequence[ChannelInscribe | ChannelBlob]) -> bool:
        channel = channel_of(message)
        before = [*self.messages(channel), *(other for other in taken if channel_of(other) == channel)]
        links = message.parent == (message_id(before[-1]) if before else ROOT_MSG_ID)
        return links and (isinstance(message, ChannelInscribe) or self._can_sample(message.blob))

    def _can_sample(self, blob: BlobId) -> bool:
        return all(any(self._serves(name, blob, column) for name in self.holders[column]) for column in range(COLUMNS))

    def _serves(self, name: str, blob: BlobId, column: int) -> bool:
        return not self.nodes[name].dead and (blob, column) in self.nodes[name].shares


@dataclass(eq=False)
class FakeDaNode:
    """A node handle and its client in one."""

    network: FakeDaNetwork
    role: Role
    index: int
    dead: bool = False
    refusals: int = 0
    """So many dispersals are refused first."""
    shares: dict[tuple[BlobId, int], LightShare] = field(default_factory=dict)
    published: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.role}-{self.index}"

    @property
    def client(self) -> FakeDaNode:
        return self

    @property
    def identity(self) -> NodeIdentity:
        return NodeIdentity(self.name.encode().ljust(32, b"\0"))

    async def consensus_info(self, *, timeout: float | None = None) -> ConsensusInfo:
        self._answer("GET /cryptarchia/info")
        chain = self.network.chain
        tip = chain[-1].id if chain else GENESIS_ID
        return ConsensusInfo(GENESIS_ID, tip, len(chain), len(chain), Mode.ONLINE)

    async def storage_block(self, block_id: HeaderId, *, timeout: float | None = None) -> Block | None:
        return next((block for block in self.network.chain if block.id == block_id), None)

    async def submit_transaction(self, transaction: SignedMantleTx) -> None:
        self._answer("POST /mempool/add/tx")
        (operation,) = transaction.mantle_tx.operations
        assert isinstance(operation, ChannelInscribe)
        self.network.mempool.append(operation)

    async def publish_blob(
        self,
        *,
        channel_id: ChannelId,
        parent: MsgId,
        signer: Ed25519PublicKey,
        data: bytes,
        timeout: float | None = None,
    ) -> BlobId:
        self._answer("POST /disperse-data")
        if self.refusals:
            self.refusals -= 1
            raise NodeRefused(self.name, "POST /disperse-data", 500, "deadline has elapsed")
        self.published.append(data)
        encoded = encode(data, _BASIS)
        for column, names in self.network.holders.items():
            for name in names:
                self.network.nodes[name].shares[encoded.blob_id, column] = encoded.share(column).light
        self.network.mempool.append(ChannelBlob(channel_id, 0, encoded.blob_id, len(data), 0, parent, signer))
        for name in self.network.mortal:
            self.network.nodes[name].dead = True
        return encoded.blob_id

    async def transaction_status(self, hashes: Sequence[TxHash]) -> tuple[TransactionStatus, ...]:
        self._answer("POST /mantle/status")
        pending = {MantleTx((message,)).hash for message in self.network.mempool}
        return tuple(TransactionStatus("Pending" if wanted in pending else "Unknown") for wanted in hashes)

    async def da_share(self, blob: BlobId, index: int, *, timeout: float | None = None) -> LightShare | None:
        self._answer("GET /da/get-share")
        return self.shares.get((blob, index))

    async def da_get_membership(self, session: int) -> Membership:
        self._answer("POST /test/da/membership")
        nodes = self.network.nodes
        return Membership(
            {
                column: tuple(nodes[name].identity.peer_id for name in names)
                for column, names in self.network.holders.items()
            },
            {},
        )

    def _answer(self, request: str) -> None:
        if self.dead:
            raise NodeUnreachable(self.name, request, "connection refused")


@dataclass
class DaBench:
    """A run's context over such a network, and what was written into its journal."""

    network: FakeDaNetwork
    ctx: RunContext
    written: list[Any] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.written if isinstance(event, kind)]

    async def event(self, kind: type[E]) -> E:
        """The first event of a kind, once there is one; the test's own timeout is the deadline."""
        while not (found := self.events(kind)):
            self.more.clear()
            await self.more.wait()
        return found[0]

    @asynccontextmanager
    async def producing(self) -> AsyncIterator[None]:
        """Blocks are made meanwhile."""
        blocks = asyncio.create_task(self._produce())
        try:
            yield
        finally:
            blocks.cancel()
            await asyncio.gather(blocks, return_exceptions=True)

    async def seen(self) -> None:
        """Return when the feed has the network's last block."""
        async for block in self.ctx.block_feed().blocks():
            if block.id == self.network.chain[-1].id:
                return

    async def _produce(self) -> None:
        while True:
            self.network.produce()
            await asyncio.sleep(SLOT_SECONDS)

    def take(self, entry: Entry) -> None:
        self.written.append(entry.event)
        self.more.set()


HURRY = Patience(machine_factor=0.02)
"""Waits of the network in memory are fifty times shorter than on the reference machine."""


@asynccontextmanager
async def da_bench(
    directory: Path,
    *,
    validators: int = 1,
    executors: int = 1,
    holders: Mapping[int, Sequence[str]] | None = None,
    seconds: float = 0.2,
    patience: Patience = HURRY,
) -> AsyncIterator[DaBench]:
    """By default every node but the first executor holds every column."""
    names = [f"validator-{index}" for index in range(validators)]
    names += [f"executor-{index}" for index in range(1, executors)]
    network = FakeDaNetwork(holders or dict.fromkeys(range(COLUMNS), names))
    nodes = [network.add(Role.VALIDATOR, index) for index in range(validators)]
    nodes += [network.add(Role.EXECUTOR, index) for index in range(executors)]
    spec = TopologySpec(
        validators=validators,
        executors=executors,
        slot_duration=SLOT_SECONDS,
        data_availability=DataAvailability(num_subnets=COLUMNS),
    )
    metrics = RunTiming(run_duration=seconds, slot_duration=SLOT_SECONDS, active_slot_coeff=1.0)
    descriptors: Any = SimpleNamespace(spec=spec, nodes=nodes, wallet_accounts=())
    cluster: Any = SimpleNamespace(
        nodes=nodes, node_control=lambda: None, network_control=lambda: None, metrics_url=None
    )
    journal, background = Journal(directory / "journal.jsonl"), Background()
    feed = BlockFeed(cluster.nodes, poll_seconds=SLOT_SECONDS / 2)
    await feed.start()
    ctx = RunContext(
        plan=RunPlan(topology=spec, metrics=metrics, seed=7),
        descriptors=descriptors,
        cluster=cluster,
        block_feed=feed,
        journal=journal,
        counters=Counters(),
        background=background,
        prover=DevelopmentProver(),
        patience=patience,
    )
    bench = DaBench(network, ctx)
    journal.listen(bench.take)
    try:
        yield bench
    finally:
        await background.close()
        await feed.close()
        journal.close()


def _unsigned(message: ChannelInscribe | ChannelBlob) -> SignedMantleTx:
    return SignedMantleTx(MantleTx((message,)), (), ZkSignature(bytes(128)))


@dataclass
class Load:
    """What a workload has dispersed over ``channels`` channels. It is its own specification."""

    channels: Sequence[ChannelId] = ()
    blob_rate: int = 1
    capacity: int = 1000
    planned: int = 0
    overdue: list[Dispersed] = field(default_factory=list)
    progress: list[ChannelProgress] = field(default_factory=list)
    dispersed: list[Dispersed] = field(default_factory=list)

    @classmethod
    async def inscribed(cls, bench: DaBench, channels: int, *, blob_rate: int = 1) -> Load:
        """All channels with their inscriptions on the chain."""
        made = cls([channel_id(index) for index in range(channels)], blob_rate)
        for channel in made.channels:
            await bench.network.nodes["validator-0"].submit_transaction(inscription(channel, DevelopmentProver()))
        bench.network.produce()
        return made

    def begin(self, ctx: RunContext) -> Load:
        return self

    async def disperse(self, bench: DaBench, channel: ChannelId, data: bytes, executor: str = "executor-0") -> BlobId:
        messages = bench.network.messages(channel)
        parent = MsgId(message_id(messages[-1]) if messages else ROOT_MSG_ID)
        blob = await bench.network.nodes[executor].publish_blob(
            channel_id=channel,
            parent=parent,
            signer=SIGNER.public,
            data=data,
        )
        self.dispersed.append(Dispersed(blob, channel, data, executor, time.monotonic(), parent))
        return blob


def payload(chunks: int, seed: int = 1) -> bytes:
    return bytes((seed + position) % 251 + 1 for position in range(31 * chunks))
