"""Takes samples about once a second, for the live view and the reports: chain, peers, mempool and use of each node."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import Cluster, NodeHandle
from nomos_testing.journal.events import NodeSample, Sample
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.node_usage import NO_USAGE, UsageMeter
from nomos_testing.waiting.machine import Patience

SAMPLE_SECONDS = 1.0
_REQUEST_SECONDS = 1.0
"""On the reference machine. A slower node counts as silent, so that it does not delay the samples of the others."""


class Sampler:
    """Takes samples. The heights come from the block feed; only peers and mempools are asked for here."""

    def __init__(
        self,
        cluster: Cluster,
        feed: BlockFeed,
        counters: Counters,
        journal: Journal,
        patience: Patience,
        *,
        usage: UsageMeter | None = None,
    ) -> None:
        self._cluster = cluster
        self._feed = feed
        self._counters = counters
        self._journal = journal
        self._patience = patience
        self._usage = usage

    async def sample(self) -> Sample:
        """Take one sample and write it into the journal."""
        present = [node for node in self._cluster.nodes if node.name in self._feed.nodes()]
        samples = await asyncio.gather(*map(self._look_at, present))
        nodes = {node.name: sample for node, sample in zip(present, samples, strict=True)}
        sample = Sample(nodes, self._counters.snapshot())
        self._journal.write(sample)
        return sample

    async def run(self) -> None:
        """Take samples until cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _look_at(self, node: NodeHandle) -> NodeSample:
        view = self._feed.nodes()[node.name]
        limit = self._patience.seconds(_REQUEST_SECONDS)
        (peers, failure), mempool = await asyncio.gather(_peers(node, limit), _mempool(node, limit))
        used = NO_USAGE if self._usage is None else self._usage.usage(node.name)
        sample = NodeSample(
            peers=peers,
            mempool=mempool,
            cpu=used.cpu,
            memory_bytes=used.memory_bytes,
            disk_bytes=used.disk_bytes,
            error=failure or view.error,
        )
        info = view.info
        if info is None:
            return sample
        return replace(sample, height=info.height, slot=info.slot, tip=info.tip.hex(), mode=str(info.mode))


async def _peers(node: NodeHandle, limit: float) -> tuple[int | None, str | None]:
    """Return the number of peers, or why the node did not tell it."""
    try:
        return (await node.client.network_info(timeout=limit)).n_peers, None
    except NodeClientError as failure:
        return None, failure.reason


async def _mempool(node: NodeHandle, limit: float) -> int | None:
    try:
        return (await node.client.mempool_metrics(timeout=limit)).pending_items
    except NodeClientError:
        return None  # the sample has the reason already, unless the node has no such metrics
