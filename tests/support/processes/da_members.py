"""Members of a data availability network in one process: real services and sockets, gossip in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nomos_core.da.encoding import EncodedBlob, encode
from nomos_core.da.kzg_params import KzgParams
from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.network_genesis import GenesisNode, network_genesis
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.node_identity import NodeIdentity
from nomos_node.chain.rules import LedgerRules
from nomos_node.da.kzg import KzgSettings
from nomos_node.da.peer_failures import FailureLimits
from nomos_node.da.publish_trigger import TriggerSettings
from nomos_node.da.service import DataAvailability
from nomos_node.da.settings import (
    ConnectionSettings,
    DaSettings,
    DispersalSettings,
    MembershipSettings,
    ReplicationSettings,
    SamplingSettings,
)
from nomos_node.machine import this_machine
from nomos_node.network.settings import NetworkSettings
from nomos_node.workers import ThreadWorker
from support.fakes.memory_network import MemoryPeer
from support.inputs.chain_making import PROVER, TestNode, rules
from support.processes.embedded_node import free_ports

NO_LIMITS = FailureLimits(window=5, decay=0, dispersal=0, sampling=0, replication=0, malicious=0)
DATA = bytes(range(1, 32)) * 5
"""A blob of five chunks."""
CHANNEL = ChannelId(bytes(31) + b"\x01")
_ANYBODY = Ed25519Key(bytes(32))


def identity(number: int) -> NodeIdentity:
    return NodeIdentity(bytes([number + 1]) * 32)


def da_settings(
    kzg: Path, number: int = 0, *, columns: int = 2, subnetworks: int | None = None, factor: int = 2, port: int = 0
) -> DaSettings:
    """Quick settings; every member may disperse, connections are made on demand, and all columns are sampled."""
    params = KzgSettings(kzg, columns)
    return DaSettings(
        kzg=params,
        network=NetworkSettings(node_key=identity(number).id, listen_host="127.0.0.1", listen_port=port),
        membership=MembershipSettings(subnetworks=subnetworks or columns, replication_factor=factor, min_members=1),
        connections=ConnectionSettings(
            min_dispersal_peers=0, min_replication_peers=0, interval=0, redial_cooldown=0.1, limits=NO_LIMITS
        ),
        replication=ReplicationSettings(seen_limit=100, seen_seconds=60),
        trigger=TriggerSettings(publish_threshold=0.8, share_duration=5, prune_duration=30, prune_interval=0.2),
        sampling=SamplingSettings(
            samples=columns,
            subnetworks=subnetworks or columns,
            delay=0.1,
            commitments_wait=1,
            retry_interval=0.2,
            validity=1.5,
            share_retries=0,
            commitments_retries=0,
        ),
        dispersal=DispersalSettings(kzg=params, timeout=10, retries=1, retry_cooldown=0.2),
    )


def encoded(kzg: Path, data: bytes = DATA, columns: int = 2) -> EncodedBlob:
    return encode(data, KzgParams.load(kzg).basis(columns))


def announcement(blob: BlobId, *, session: int = 0, size: int = len(DATA)) -> SignedMantleTx:
    operation = ChannelBlob(CHANNEL, session, blob, size, 0, ROOT_MSG_ID, _ANYBODY.public)
    return sign_transaction(MantleTx((operation,)), operation_signers=(Ed25519Signer(_ANYBODY),), prover=PROVER)


def da_genesis(ports: Sequence[int]) -> SignedMantleTx:
    """One provider for each port, with the identities from 0 on."""
    nodes = [
        GenesisNode(identity(number), da_locator=f"/ip4/127.0.0.1/udp/{port}/quic-v1", blend_locator=None)
        for number, port in enumerate(ports)
    ]
    return network_genesis(nodes, [], PROVER)


@dataclass
class Member:
    node: TestNode
    service: DataAvailability

    @property
    def peer_id(self) -> str:
        return self.service.swarm.peer_id

    @property
    def pending(self) -> list[SignedMantleTx]:
        return [pending.transaction for pending in self.node.mempool.pending()]


def make_member(genesis: SignedMantleTx, settings: DaSettings, ledger_rules: LedgerRules | None = None) -> Member:
    """With its sessions not looked at yet, and nothing running."""
    node = TestNode(genesis=genesis, network=MemoryPeer(), ledger_rules=ledger_rules or rules())
    service = DataAvailability(
        settings,
        this_machine(),
        chain=node.chain,
        mempool=node.mempool,
        transactions=node.transactions,
        database=node.database,
        prover=PROVER,
        worker=ThreadWorker("blocking work", 2),
    )
    return Member(node, service)


@asynccontextmanager
async def running(member: Member) -> AsyncIterator[Member]:
    async with AsyncExitStack() as stack:
        stack.callback(member.node.close)
        await stack.enter_async_context(member.service)
        work = [*member.service.work.values(), member.node.transactions.run]
        tasks = [asyncio.create_task(each()) for each in work]
        try:
            yield member
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def members(count: int, settings: DaSettings, *, outsiders: int = 0) -> AsyncIterator[list[Member]]:
    """So many members with the same settings but key and port, whose mempools gossip.

    The last ``outsiders`` are no providers: they hold no column.
    """
    ports = free_ports(count)
    genesis = da_genesis(ports[: count - outsiders])
    async with AsyncExitStack() as stack:
        made: list[Member] = []
        for number, port in enumerate(ports):
            network = replace(settings.network, node_key=identity(number).id, listen_port=port)
            member = make_member(genesis, replace(settings, network=network))
            for other in made:
                member.node.network.connect(other.node.network)
            made.append(await stack.enter_async_context(running(member)))
        yield made


class MemoryStream:
    """A stream whose frames are given beforehand; ``answers`` are the frames written to it."""

    def __init__(self, frames: Sequence[bytes], peer_id: str) -> None:
        self.peer_id = peer_id
        self.answers: list[bytes] = []
        self.was_reset = False
        self._frames = list(frames)

    async def read_frame(self, timeout: float | None = None) -> bytes | None:
        return self._frames.pop(0) if self._frames else None

    async def write_frame(self, payload: bytes) -> None:
        self.answers.append(payload)

    async def reset(self) -> None:
        self.was_reset = True
