"""Samples of nodes that answer, answer in part, and do not answer."""

from __future__ import annotations

from pathlib import Path

from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.errors import NodeRefused, NodeUnreachable
from nomos_testing.journal.events import NodeSample
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.sampling import Sampler
from nomos_testing.waiting.machine import Patience
from support.fakes.fake_chain import fake_chain
from support.fakes.run_bench import MemoryCluster, MemoryNode


async def sample_of(directory: Path, *nodes: MemoryNode) -> dict[str, NodeSample]:
    feed, journal = BlockFeed(nodes, poll_seconds=60.0), Journal(directory / "journal")
    await feed.start()
    sampler = Sampler(MemoryCluster(nodes), feed, Counters(), journal, Patience())
    sample = await sampler.sample()
    await feed.close()
    journal.close()
    return dict(sample.nodes)


async def test_a_sample_has_chain_peers_and_mempool_of_each_node(tmp_path: Path) -> None:
    chain = fake_chain(2)
    sample = await sample_of(tmp_path, MemoryNode("validator-0", chain=chain, pending=3), MemoryNode("validator-1"))
    first = sample["validator-0"]
    assert (first.height, first.tip, first.mode) == (2, chain[-1].id.hex(), "Online")
    assert (first.peers, first.mempool, first.error) == (0, 3, None)
    assert (sample["validator-1"].height, sample["validator-1"].mempool) == (0, 0)


async def test_a_node_that_does_not_answer_has_no_peers_and_no_mempool_but_the_reason(tmp_path: Path) -> None:
    silent = NodeUnreachable("validator-0", "GET /network/info", "timed out")
    node = MemoryNode(raises={"network_info": silent, "mempool_metrics": silent})
    sample = (await sample_of(tmp_path, node))["validator-0"]
    assert (sample.peers, sample.mempool, sample.error) == (None, None, "timed out")


async def test_a_node_without_metrics_of_its_mempool_is_not_silent(tmp_path: Path) -> None:
    node = MemoryNode(raises={"mempool_metrics": NodeRefused("validator-0", "GET /mantle/metrics", 404, "not found")})
    sample = (await sample_of(tmp_path, node))["validator-0"]
    assert (sample.peers, sample.mempool, sample.error) == (0, None, None)
