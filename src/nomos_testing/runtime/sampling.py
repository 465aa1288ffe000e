"""Takes samples about once a second, for the live view and the reports: chain, peers, mempool and use of each node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import cycle
from typing import Final

from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.errors import NodeClientError, NodeUnreachable
from nomos_testing.cluster.interfaces import Cluster, NodeHandle
from nomos_testing.journal.events import NodeSample, Sample
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.node_usage import NO_USAGE, UsageMeter
from nomos_testing.waiting.machine import Patience

SAMPLE_SECONDS = 1.0
_REQUEST_SECONDS = 1.0
"""On the reference machine. A slower node counts as silent, so that it does not delay the samples of the others."""


class _Question(Enum):
    """A request to every node. Answering costs a node more than everything else that a sample does."""

    PEERS = auto()
    MEMPOOL = auto()


_TURNS: Final = (_Question.MEMPOOL, _Question.PEERS)


@dataclass(frozen=True, slots=True)
class _Answers:
    """The last answers of a node."""

    peers: int | None = None
    mempool: int | None = None
    error: str | None = None


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
        self._answers: dict[str, _Answers] = {}

    async def sample(self, turn: _Question | None = None) -> Sample:
        """Take one sample and write it into the journal.

        Args:
            turn: the only question to nodes whose last answers are known; None: all questions to all nodes.
        """
        present = [node for node in self._cluster.nodes if node.name in self._feed.nodes()]
        samples = await asyncio.gather(*(self._look_at(node, turn) for node in present))
        nodes = {node.name: sample for node, sample in zip(present, samples, strict=True)}
        sample = Sample(nodes, self._counters.snapshot())
        self._journal.write(sample)
        return sample

    async def run(self) -> None:
        """Take samples until cancelled."""
        for turn in cycle(_TURNS):
            await self.sample(turn)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _look_at(self, node: NodeHandle, turn: _Question | None) -> NodeSample:
        view = self._feed.nodes()[node.name]
        last = _Answers() if turn is None else self._answers.get(node.name, _Answers())
        answers = self._answers[node.name] = await self._ask(node, last, turn)
        used = NO_USAGE if self._usage is None else self._usage.usage(node.name)
        sample = NodeSample(
            peers=answers.peers,
            mempool=answers.mempool,
            cpu=used.cpu,
            memory_bytes=used.memory_bytes,
            disk_bytes=used.disk_bytes,
            error=answers.error or view.error,
        )
        info = view.info
        if info is None:
            return sample
        return replace(sample, height=info.height, slot=info.slot, tip=info.tip.hex(), mode=str(info.mode))

    async def _ask(self, node: NodeHandle, last: _Answers, turn: _Question | None) -> _Answers:
        """Ask a node what is not known yet, and the question whose turn it is. A silent node answers nothing."""
        limit = self._patience.seconds(_REQUEST_SECONDS)
        peers, mempool = last.peers, last.mempool
        try:
            if peers is None or turn is _Question.PEERS:
                peers = (await node.client.network_info(timeout=limit)).n_peers
            if mempool is None or turn is _Question.MEMPOOL:
                mempool = await _pending(node, limit)
        except NodeClientError as failure:
            return _Answers(error=failure.reason)
        return _Answers(peers, mempool)


async def _pending(node: NodeHandle, limit: float) -> int | None:
    """Return the pending transactions of a node; None if it has no such metrics.

    Raises:
        NodeUnreachable: it does not answer.
    """
    try:
        return (await node.client.mempool_metrics(timeout=limit)).pending_items
    except NodeUnreachable:
        raise
    except NodeClientError:
        return None
