"""Samples of nodes that answer, answer in part, and do not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.errors import NodeRefused, NodeUnreachable
from nomos_testing.journal.events import NodeSample
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.runtime import sampling
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.node_usage import NO_USAGE, NodeUsage
from nomos_testing.runtime.sampling import TURNS, Sampler, _Question
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import Seen, wait_until
from support.fakes.fake_chain import fake_chain
from support.fakes.run_bench import MemoryCluster, MemoryNode


class Meter:
    """Knows what one node uses."""

    def usage(self, node: str) -> NodeUsage:
        return NodeUsage(cpu=0.5, memory_bytes=7, disk_bytes=9) if node == "validator-0" else NO_USAGE


@asynccontextmanager
async def sampler_of(directory: Path, *nodes: MemoryNode) -> AsyncIterator[Sampler]:
    feed, journal = BlockFeed(nodes, poll_seconds=60.0), Journal(directory / "journal")
    await feed.start()
    try:
        yield Sampler(MemoryCluster(nodes), feed, Counters(), journal, Patience(), usage=Meter())
    finally:
        await feed.close()
        journal.close()


async def sample_of(directory: Path, *nodes: MemoryNode) -> dict[str, NodeSample]:
    async with sampler_of(directory, *nodes) as sampler:
        return dict((await sampler.sample()).nodes)


async def test_a_sample_has_chain_peers_and_mempool_of_each_node(tmp_path: Path) -> None:
    chain = fake_chain(2)
    sample = await sample_of(tmp_path, MemoryNode("validator-0", chain=chain, pending=3), MemoryNode("validator-1"))
    first = sample["validator-0"]
    assert (first.height, first.tip, first.mode) == (2, chain[-1].id.hex(), "Online")
    assert (first.peers, first.mempool, first.error) == (0, 3, None)
    assert (first.cpu, first.memory_bytes, first.disk_bytes) == (0.5, 7, 9)
    second = sample["validator-1"]
    assert (second.height, second.mempool, second.cpu, second.memory_bytes) == (0, 0, None, None)


async def test_a_node_that_does_not_answer_has_no_peers_and_no_mempool_but_the_reason(tmp_path: Path) -> None:
    silent = NodeUnreachable("validator-0", "GET /network/info", "timed out")
    node = MemoryNode(raises={"network_info": silent, "mempool_metrics": silent})
    sample = (await sample_of(tmp_path, node))["validator-0"]
    assert (sample.peers, sample.mempool, sample.error) == (None, None, "timed out")


async def test_a_node_without_metrics_of_its_mempool_is_not_silent(tmp_path: Path) -> None:
    node = MemoryNode(raises={"mempool_metrics": NodeRefused("validator-0", "GET /mantle/metrics", 404, "not found")})
    sample = (await sample_of(tmp_path, node))["validator-0"]
    assert (sample.peers, sample.mempool, sample.error) == (0, None, None)


@dataclass
class Asked(MemoryNode):
    """Counts what it is asked."""

    asked: list[str] = field(default_factory=list)

    def _answer(self, request: str) -> None:
        self.asked.append(request)
        super()._answer(request)


async def test_a_node_whose_answers_are_known_is_asked_one_question_at_every_other_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE_SECONDS", 0.001)
    node = Asked()
    async with sampler_of(tmp_path, node) as sampler:
        node.asked.clear()
        task = asyncio.create_task(sampler.run())
        await wait_until("some samples", lambda: _asked(node, 6), timeout=10, poll=0.001)
        task.cancel()
    assert node.asked[:2] == ["network_info", "mempool_metrics"], "nothing was known"
    assert node.asked[2:6] == ["mempool_metrics", "network_info"] * 2
    samples = [entry.event for entry in read_journal(tmp_path / "journal")]
    assert all((sample.nodes["validator-0"].peers, sample.nodes["validator-0"].mempool) == (0, 0) for sample in samples)
    assert len(samples) >= 9, "every other sample asks nothing"


async def test_a_node_that_falls_silent_has_no_answers_at_once_whatever_it_is_asked(tmp_path: Path) -> None:
    node = MemoryNode(pending=2)
    async with sampler_of(tmp_path, node) as sampler:
        first, _ = await sampler.sample(), await sampler.sample(TURNS[1])
        assert first.nodes["validator-0"].mempool == 2
        for questions, request in (((_Question.MEMPOOL,), "mempool_metrics"), ((_Question.PEERS,), "network_info")):
            node.raises = {request: NodeUnreachable("validator-0", request, "timed out")}
            silent = (await sampler.sample(questions)).nodes["validator-0"]
            assert (silent.peers, silent.mempool, silent.error) == (None, None, "timed out")
            node.raises = {}
            back = (await sampler.sample(questions)).nodes["validator-0"]
            assert (back.peers, back.mempool, back.error) == (0, 2, None)


async def _asked(node: Asked, times: int) -> Seen:
    return Seen(len(node.asked) >= times, str(node.asked))
