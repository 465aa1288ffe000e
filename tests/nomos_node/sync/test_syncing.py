"""Nodes that are behind and how they catch up: orphans, new connections, silence, and the initial download."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from nomos_core.cryptarchia.block_validity import proposal_of
from nomos_core.cryptarchia.block_wire import proposal_to_wire
from nomos_core.cryptarchia.fork_choice import Mode
from nomos_core.cryptarchia.sync_messages import PROTOCOL, DownloadBlocks
from nomos_core.identifiers import Ed25519Signature, HeaderId
from nomos_node.mempool.mempool import InBlock
from nomos_node.network.events import GossipMessage
from nomos_node.sync import client as client_module
from nomos_node.sync import server as sync_server
from nomos_node.sync.bootstrap import bootstrap
from nomos_node.sync.catch_up import CatchUp
from nomos_node.sync.client import SyncClient, SyncFailed
from nomos_node.sync.initial_download import InitialDownload, InitialDownloadFailed
from support.fakes.memory_network import MemoryPeer
from support.inputs.chain_making import GENESIS_ID, TestNode, extend, forge, grow, reached, transfer


@pytest.fixture
async def ahead() -> AsyncIterator[TestNode]:
    """An online node with five blocks, the first of which has a transaction."""
    node = TestNode()
    await node.chain.go_online()
    await node.include(1, [transfer(0)])
    await grow(node.chain, range(2, 6))
    yield node
    node.close()


@pytest.fixture
async def behind() -> AsyncIterator[TestNode]:
    node = TestNode()
    yield node
    node.close()


@asynccontextmanager
async def _running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(item) for item in work]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _catch_up(node: TestNode, patience: float = 60) -> CatchUp:
    return CatchUp(node.chain, node.client, node.orphans, node.network, patience=patience, rng=Random(0))


async def test_a_proposal_is_rebuilt_from_the_mempool(behind: TestNode) -> None:
    transaction = transfer(0)
    await behind.mempool.add(transaction)
    block = forge(behind.chain, 1, [transaction])
    await behind.proposals.receive(GossipMessage("proposals", proposal_to_wire(proposal_of(block)), "a peer"))
    assert behind.chain.tip.id == block.id
    assert behind.mempool.statuses([transaction.hash]) == [InBlock(block.id)]


async def test_the_own_proposal_that_comes_back_is_ignored(behind: TestNode) -> None:
    transaction = transfer(0)
    await behind.mempool.add(transaction)
    block = forge(behind.chain, 1, [transaction])
    await behind.chain.add_block(block)
    await behind.proposals.receive(GossipMessage("proposals", proposal_to_wire(proposal_of(block))))
    assert behind.mempool.pending_count == 1, "the transactions of one's own block stay pending"


async def test_an_orphan_brings_its_ancestors(ahead: TestNode, behind: TestNode) -> None:
    ahead.network.connect(behind.network)
    block = forge(ahead.chain, 6)
    await ahead.chain.add_block(block)
    async with _running(behind.orphans.run()):
        await _receive(behind, proposal_to_wire(proposal_of(block)), ahead)
        await reached("the orphan", lambda: block.id in behind.chain)
    assert behind.chain.headers()[0] == block.id


async def test_a_block_with_a_transaction_we_lack_is_downloaded(ahead: TestNode, behind: TestNode) -> None:
    ahead.network.connect(behind.network)
    block = forge(ahead.chain, 6, [transfer(1)])
    await ahead.chain.add_block(block)
    async with _running(behind.orphans.run()):
        await _receive(behind, proposal_to_wire(proposal_of(block)), ahead)
        await reached("the block", lambda: block.id in behind.chain)


async def _receive(node: TestNode, data: bytes, sender: TestNode) -> None:
    name = sender.network.peer_id
    await node.proposals.receive(GossipMessage("proposals", data, name, name))


async def test_a_bad_proposal_changes_nothing(behind: TestNode) -> None:
    block = forge(behind.chain, 1)
    forged = replace(block, signature=Ed25519Signature(bytes(64)))
    for data in (proposal_to_wire(proposal_of(forged)), b"", b"\xff" * 100):
        await behind.proposals.receive(GossipMessage("proposals", data, "a peer", "a peer"))
    assert behind.chain.info().height == 0


async def test_a_peer_that_connects_is_asked_for_its_chain(ahead: TestNode, behind: TestNode) -> None:
    async with _running(behind.orphans.run(), _catch_up(behind).run()):
        await asyncio.sleep(0)
        ahead.network.connect(behind.network)
        await reached("the peer's tip", lambda: behind.chain.tip.id == ahead.chain.tip.id)


async def test_a_peer_that_is_there_already_is_asked_at_the_start(ahead: TestNode, behind: TestNode) -> None:
    ahead.network.connect(behind.network)
    async with _running(behind.orphans.run(), _catch_up(behind).run()):
        await reached("the peer's tip", lambda: behind.chain.tip.id == ahead.chain.tip.id)


async def test_a_silent_network_is_asked(ahead: TestNode, behind: TestNode) -> None:
    ahead.network.connect(behind.network)
    ahead.network.silent = True
    async with _running(behind.orphans.run(), _catch_up(behind, patience=0.05).run()):
        await asyncio.sleep(0.02)
        assert behind.chain.info().height == 0
        ahead.network.silent = False
        await reached("the peer's tip", lambda: behind.chain.tip.id == ahead.chain.tip.id)


async def test_a_long_chain_comes_in_several_answers(
    ahead: TestNode, behind: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_server, "MAX_BLOCKS", 4)
    ahead.network.connect(behind.network)
    await grow(ahead.chain, range(6, 21))
    await behind.orphans.download(ahead.network.peer_id, ahead.chain.tip.id)
    assert behind.chain.tip.id == ahead.chain.tip.id


async def test_another_peer_helps_when_the_first_does_not(ahead: TestNode, behind: TestNode) -> None:
    useless = TestNode()
    for node in (useless, ahead):
        node.network.connect(behind.network)
    async with _running(behind.orphans.run()):
        behind.orphans.want(ahead.chain.tip.id, known_to=useless.network.peer_id)
        await reached("the block", lambda: behind.chain.tip.id == ahead.chain.tip.id)
    useless.close()


async def test_the_better_fork_of_a_peer_replaces_ours(ahead: TestNode, behind: TestNode) -> None:
    await behind.chain.go_online()
    await extend(behind.chain, GENESIS_ID, [10, 11])
    ahead.network.connect(behind.network)
    await behind.orphans.download(ahead.network.peer_id, ahead.chain.tip.id)
    assert behind.chain.headers() == ahead.chain.headers()


async def test_more_orphans_than_the_queue_holds_are_forgotten(behind: TestNode) -> None:
    for number in range(20):
        behind.orphans.want(HeaderId(bytes([number]) * 32))
    async with _running(behind.orphans.run()):
        await asyncio.sleep(0)
    assert behind.chain.info().height == 0


async def test_a_peer_without_the_block_is_named(ahead: TestNode, behind: TestNode) -> None:
    ahead.network.connect(behind.network)
    with pytest.raises(SyncFailed, match=f"peer {ahead.network.peer_id} refused: Block not found"):
        await behind.orphans.download(ahead.network.peer_id, HeaderId(bytes(32)))


@pytest.mark.parametrize("answer", [b"", b"\x00" * 4, b"\x00" * 12 + b"x", b"\x09\x00\x00\x00"])
async def test_nonsense_from_a_peer_is_a_failure(behind: TestNode, answer: bytes) -> None:
    nonsense = MemoryPeer()

    async def handler(frame: bytes, peer: str) -> AsyncIterator[bytes]:
        yield answer

    nonsense.serve(PROTOCOL, handler, max_concurrent=1)
    nonsense.connect(behind.network)
    with pytest.raises(SyncFailed):
        await behind.client.tip(nonsense.peer_id)
    request = DownloadBlocks(GENESIS_ID, GENESIS_ID, GENESIS_ID)
    with pytest.raises(SyncFailed):
        [block async for block in behind.client.blocks(nonsense.peer_id, request)]


async def test_without_peers_the_initial_download_is_done_and_the_node_goes_online(behind: TestNode) -> None:
    await bootstrap(behind.chain, InitialDownload(behind.chain, behind.client, behind.orphans), (), 0.0)
    assert behind.chain.mode is Mode.ONLINE


async def test_the_initial_download_takes_over_the_chain_of_its_peers(ahead: TestNode, behind: TestNode) -> None:
    ahead.network.connect(behind.network)
    download = InitialDownload(behind.chain, behind.client, behind.orphans, patience=0)
    await bootstrap(behind.chain, download, (ahead.network.peer_id, "nobody"), 0.0)
    assert behind.chain.tip.id == ahead.chain.tip.id


async def test_a_peer_that_comes_late_is_waited_for(ahead: TestNode, behind: TestNode) -> None:
    download = InitialDownload(behind.chain, behind.client, behind.orphans)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(download.run([ahead.network.peer_id]))
        await asyncio.sleep(0)
        ahead.network.connect(behind.network)
    assert behind.chain.tip.id == ahead.chain.tip.id


async def test_an_initial_download_without_a_single_peer_fails(behind: TestNode) -> None:
    download = InitialDownload(behind.chain, behind.client, behind.orphans, patience=0)
    with pytest.raises(InitialDownloadFailed, match="no connection to nobody"):
        await download.run(["nobody"])


async def test_a_peer_to_which_no_stream_opens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        async def request(self, *arguments: object, timeout: float) -> AsyncGenerator[bytes, None]:
            await asyncio.Event().wait()
            yield b""

    monkeypatch.setattr(client_module, "_OPENING_SECONDS", 0.04)
    network: Any = Gone()
    with pytest.raises(SyncFailed, match=r"peer gone gave no answer in 0\.05 s"):
        await SyncClient(network, 0.01).tip("gone")
