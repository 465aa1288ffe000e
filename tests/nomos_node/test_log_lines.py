"""What the services say in the log of what they decide: the target, the level and the reason."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from nomos_core.cryptarchia.block_validity import proposal_of
from nomos_core.cryptarchia.block_wire import proposal_to_wire
from nomos_core.cryptarchia.fork_choice import UnknownParentError
from nomos_core.cryptarchia.slots import SlotSchedule
from nomos_core.cryptarchia.sync_messages import DownloadBlocks
from nomos_core.identifiers import ROOT_MSG_ID, Ed25519Signature, HeaderId
from nomos_core.keys import Ed25519Key, zk_public_key
from nomos_node.api.application import application
from nomos_node.api.limits import HttpLimits
from nomos_node.chain.block_intake import Origin
from nomos_node.chain.chain import BlockRejected
from nomos_node.da.dispersal import BlobMessage
from nomos_node.leader.leader import Leader
from nomos_node.leader.lottery import Tickets
from nomos_node.leader.turns import Turns
from nomos_node.network.events import GossipMessage
from nomos_node.sdp.watch import DeclarationWatch
from nomos_node.sync.client import SyncClient, SyncFailed
from nomos_node.telemetry.levels import TRACE
from nomos_node.telemetry.targets import TARGETS
from nomos_node.time.slot_clock import SlotClock
from nomos_node.wallet.wallet import Wallet
from nomos_node.workers import ThreadWorker
from support.fakes.memory_network import MemoryPeer
from support.inputs.chain_making import GENESIS_ID, SECRETS, TestNode, extend, forge, grow, reached, transfer
from support.processes.da_members import CHANNEL, DATA, announcement, da_settings, encoded, members


class _Log:
    """The lines so far, each as level, target and message."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def lines(self, target: str, level: int) -> list[str]:
        return [
            record.getMessage() for record in self._caplog.records if record.name == target and record.levelno == level
        ]

    def has(self, target: str, level: int, *parts: str) -> bool:
        return any(all(part in line for part in parts) for line in self.lines(target, level))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> _Log:
    for target in TARGETS:
        caplog.set_level(TRACE, logger=target)
    return _Log(caplog)


@pytest.fixture
async def node() -> AsyncIterator[TestNode]:
    node = TestNode()
    yield node
    node.close()


# nomos_consensus


async def test_a_new_tip_is_told_and_why_a_block_was_accepted(node: TestNode, log: _Log) -> None:
    block = await node.include(5, [transfer(0)])
    assert log.lines("nomos_consensus", logging.INFO)[-1] == (
        f"the tip is block 0x{block.id.hex()} of slot 5, height 1, 1 transactions"
    )
    assert log.has("nomos_consensus", logging.DEBUG, f"accepted block 0x{block.id.hex()} of slot 5", "1 transactions")
    assert log.has("nomos_consensus", TRACE, f"block 0x{block.id.hex()} is ", " bytes")


async def test_a_fork_and_the_reorganisation_it_leads_to_are_told_with_their_depth(node: TestNode, log: _Log) -> None:
    await grow(node.chain, [1, 2])
    (side, _, last) = await extend(node.chain, GENESIS_ID, [3, 4, 5])
    assert log.has("nomos_consensus", logging.DEBUG, f"block 0x{side.id.hex()} stays on a fork", "begins at height 0")
    told = [line for line in log.lines("nomos_consensus", logging.INFO) if "reorganisation" in line]
    assert told == ["reorganisation: 2 blocks after height 0, slot 0, give way to 3 others"]
    assert log.has("nomos_consensus", logging.INFO, f"the tip is block 0x{last.id.hex()} of slot 5, height 3")


async def test_a_longer_chain_is_no_reorganisation(node: TestNode, log: _Log) -> None:
    await grow(node.chain, [1, 2, 3])
    assert not log.has("nomos_consensus", logging.INFO, "reorganisation")


async def test_a_refused_block_is_told_with_the_reason(node: TestNode, log: _Log) -> None:
    block = replace(forge(node.chain, 1), signature=Ed25519Signature(bytes(64)))
    with pytest.raises(BlockRejected):
        await node.intake.take(block, Origin.GOSSIP)
    assert log.has("nomos_consensus", logging.DEBUG, f"rejected block 0x{block.id.hex()} of slot 1: Signature error")


async def test_a_block_whose_blob_was_not_sampled_is_told_with_the_blob(
    node: TestNode, log: _Log, kzg_file: Path
) -> None:
    blob = encoded(kzg_file).blob_id
    block = forge(node.chain, 1, [announcement(blob)])
    with pytest.raises(BlockRejected):
        await node.intake.take(block, Origin.GOSSIP)
    reason = f"rejected block 0x{block.id.hex()}: not sampled here: {blob.hex()}"
    assert log.has("nomos_consensus", logging.DEBUG, reason)


async def test_an_orphan_and_the_search_for_its_parent_are_told(node: TestNode, log: _Log) -> None:
    other = TestNode()
    first, second = await grow(other.chain, [1, 2])
    other.close()
    with pytest.raises(UnknownParentError):
        await node.intake.take(second, Origin.GOSSIP)
    orphan = f"orphan block 0x{second.id.hex()}: its parent 0x{first.id.hex()} is unknown"
    assert log.has("nomos_consensus", logging.DEBUG, orphan)
    node.orphans.want(second.id)
    assert log.has("chain_network", logging.DEBUG, f"asking for block 0x{second.id.hex()}")


async def test_the_change_to_online_and_irreversible_blocks_are_told(node: TestNode, log: _Log) -> None:
    await grow(node.chain, range(1, 6))
    await node.chain.go_online()
    assert log.has("nomos_consensus", logging.INFO, "the chain is Online", "height 2")
    await grow(node.chain, [6])
    assert log.has("nomos_consensus", logging.DEBUG, "at height 3 is irreversible")


# chain_network, nomos_mempool


async def test_a_proposal_is_told_with_its_topic_and_size(node: TestNode, log: _Log) -> None:
    block = forge(node.chain, 1)
    data = proposal_to_wire(proposal_of(block))
    await node.proposals.receive(GossipMessage("proposals", data, "somebody", "somebody"))
    size = f"0x{block.id.hex()}, {len(data)} bytes of topic proposals"
    assert log.has("chain_network", TRACE, "proposal in: ", size, "from somebody")
    assert log.has("chain_network", logging.DEBUG, f"rebuilding block 0x{block.id.hex()}")
    assert log.has("chain_network", logging.INFO, f"received block 0x{block.id.hex()}, slot 1")
    await node.proposals.publish(block)
    assert log.has("chain_network", TRACE, "proposal out: ", size)


async def test_chain_sync_is_told_on_both_sides(node: TestNode, log: _Log) -> None:
    asker = MemoryPeer()
    asker.connect(node.network)
    unknown = HeaderId(bytes(32))
    wanted = DownloadBlocks(unknown, GENESIS_ID, GENESIS_ID)
    await node.chain.go_online()
    client = SyncClient(asker, 1.0)
    tip = await client.tip(node.network.peer_id)
    assert tip.tip == GENESIS_ID
    assert log.has("chain_network", TRACE, "sync out: GetTip", f"to peer {node.network.peer_id}")
    assert log.has("chain_network", TRACE, "sync in: answer of ", f"from peer {node.network.peer_id}")
    assert log.has("chain_network", logging.DEBUG, f"peer {asker.peer_id} asks for the tip")
    assert log.has("chain_network", TRACE, "sync out: answer of ", f"to peer {asker.peer_id}")
    with pytest.raises(SyncFailed, match="refused"):
        await anext(aiter(client.blocks(node.network.peer_id, wanted)))
    assert log.has("chain_network", logging.DEBUG, f"refusing the blocks up to 0x{unknown.hex()}: ")


async def test_what_becomes_of_a_transaction_is_told(node: TestNode, log: _Log) -> None:
    taken, dropped = transfer(0), transfer(1)
    await node.transactions.submit(taken)
    assert log.has("nomos_mempool", TRACE, "out: transaction of ", "topic mantle")
    await node.mempool.add(dropped)
    assert log.has("nomos_mempool", logging.DEBUG, f"transaction {dropped.hash:064x} added, 2 pending")
    block = await node.include(1, [taken])
    assert log.has("nomos_mempool", logging.INFO, f"1 transactions are in block 0x{block.id.hex()}, 1 pending")
    await node.mempool.remove([dropped.hash])
    assert log.has("nomos_mempool", logging.DEBUG, f"transaction {dropped.hash:064x} removed")


# chain_leader


def _leader(node: TestNode, *secrets: int) -> Leader:
    async def publish(block: object) -> None:
        pass

    wallet = Wallet(node.chain, [zk_public_key(secret) for secret in secrets], {})
    return Leader(
        node.chain,
        node.mempool,
        node.sampling,
        tickets=Tickets(wallet, 1234, 0.9),
        turns=Turns(Ed25519Key(bytes(32)).public, slot_seconds=2),
        publish=publish,
        worker=ThreadWorker("lottery", 1),
    )


async def test_the_lottery_is_told_for_each_slot_lost_and_won(node: TestNode, log: _Log) -> None:
    await _leader(node, 4711).lead(1)
    assert log.has("chain_leader", logging.DEBUG, "lost slot 1: none of this node's notes wins it")
    await node.mempool.add(transaction := transfer(0))
    leader, slot = _leader(node, *SECRETS), 1
    while await leader.lead(slot) is None:
        slot += 1
    assert log.has("chain_leader", logging.INFO, f"won slot {slot}")
    assert log.has("chain_leader", TRACE, f"slot {slot} is won by note ")
    assert log.has("chain_leader", logging.DEBUG, f"proposing for slot {slot} in 0 ms")
    assert log.has("chain_leader", TRACE, f"slot {slot}: taking tx {transaction.hash:064x}")
    await leader.lead(slot)
    assert log.has("chain_leader", logging.DEBUG, f"not drawing for slot {slot}: the tip is of slot {slot}")


async def test_a_transaction_that_has_to_wait_is_told_with_the_reason(
    node: TestNode, log: _Log, kzg_file: Path
) -> None:
    await node.mempool.add(transaction := announcement(encoded(kzg_file).blob_id))
    leader, slot = _leader(node, *SECRETS), 1
    while await leader.lead(slot) is None:
        slot += 1
    reason = f"leaving tx {transaction.hash:064x} for later: its blob is not sampled yet"
    assert log.has("chain_leader", logging.DEBUG, reason)


# Data availability


async def test_the_way_of_a_blob_is_told_by_each_part(log: _Log, kzg_file: Path) -> None:
    async with members(2, da_settings(kzg_file, subnetworks=2, factor=1)) as nodes:
        assert nodes[0].service.dispersal is not None
        blob = (await nodes[0].service.dispersal.disperse(BlobMessage(CHANNEL, ROOT_MSG_ID, DATA))).hex()
        sampled = f"blob_id {blob} has been successfully sampled"
        await reached("both to sample", lambda: log.lines("nomos_da_sampling", logging.INFO).count(sampled) >= 2)
        assert log.has("nomos_da_dispersal", logging.INFO, f"blob {blob}: dispersed in ")
        assert log.has("nomos_da_dispersal", logging.DEBUG, f"blob {blob}: encoded 155 bytes in ")
        assert log.has("nomos_da_dispersal", logging.DEBUG, f"blob {blob}: column ", f"taken by {nodes[1].peer_id}")
        assert log.has("nomos_da_dispersal", TRACE, "out: ", f"bytes to peer {nodes[1].peer_id}")
        assert log.has("nomos_da_verifier", logging.INFO, f"blob {blob}: its transaction is in the mempool")
        assert log.has("nomos_da_verifier", logging.DEBUG, f"blob {blob}: keeping share ")
        assert log.has("nomos_da_verifier", TRACE, "dispersal in: ", f"from peer {nodes[0].peer_id}")
        assert log.has("nomos_da_sampling", logging.DEBUG, f"blob_id {blob} is to be sampled in 0.1 s")
        assert log.has("nomos_da_sampling", logging.DEBUG, f"blob_id {blob}: 2 samples of subnetworks [")
        assert log.has("nomos_da_sampling", logging.DEBUG, "asks for share ", f"of blob_id {blob}: SampledShare")
        assert log.has("nomos_da_sampling", TRACE, "out: SampleShare of ")
        assert log.has("nomos_da_network", logging.INFO, f"peer {nodes[1].peer_id} connected, 1 peers now")
        assert log.has("nomos_da_network", TRACE, "frame in: ", "dispersal")
    assert not log.lines("nomos_network", logging.INFO), "the members' own network has a target of its own"


# nomos_sdp, nomos_time, nomos_http


async def test_sessions_and_changes_of_declarations_are_told(node: TestNode, log: _Log, kzg_file: Path) -> None:
    async with members(1, da_settings(kzg_file)) as (member,):
        watch = DeclarationWatch(member.node.chain)
        watch.look(member.node.chain.tip_state().sdp)
        assert log.has("nomos_sdp", logging.INFO, "data availability: session 0 has 1 providers")
        assert log.has("nomos_sdp", logging.DEBUG, "data availability: declared: ", "at /ip4/127.0.0.1/udp/")
        assert log.has("nomos_sdp", TRACE, "data availability: 1 declarations at the tip")
        watch.look(node.chain.tip_state().sdp)
        assert log.has("nomos_sdp", logging.INFO, "data availability: gone: ")


async def test_the_clock_tells_its_slots(log: _Log) -> None:
    clock = SlotClock(SlotSchedule(0, 20_000_000), time.time_ns)
    tick = await anext(clock.ticks())
    assert log.has("nomos_time", logging.INFO, "slots of 0.02 s")
    assert log.has("nomos_time", logging.DEBUG, f"slot {tick.slot} began ")
    assert log.has("nomos_time", TRACE, " ms until slot ")


async def _answer(request: Request) -> Response:
    return Response(b"answer" + await request.body())


async def _asked(path: str, body: bytes) -> None:
    limits = HttpLimits(burst=10, period=1, concurrent=1, body_size=100, timeout=5)
    waiting: list[Message] = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        pass

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    await application([Route("/thing", _answer, methods=["POST"])], limits)(scope, receive, send)


async def test_a_request_is_told_with_its_status_time_and_sizes(log: _Log) -> None:
    await _asked("/thing", b"1234")
    await _asked("/nothing", b"")
    assert log.has("nomos_http", logging.DEBUG, "POST /thing: 200 in ", " ms")
    assert log.has("nomos_http", TRACE, "POST /thing: 4 bytes in, 10 bytes out")
    assert log.has("nomos_http", logging.DEBUG, "POST /nothing: 404 in ")


async def test_no_request_is_told_at_info(log: _Log, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="nomos_http")
    await _asked("/thing", b"1234")
    assert not log.lines("nomos_http", logging.DEBUG)
