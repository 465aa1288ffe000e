"""Takes samples about once a second, for the live view and the reports: chain, peers, mempool and use of each node."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
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


_Questions = Collection[_Question]

EVERYTHING: Final[_Questions] = frozenset(_Question)
TURNS: Final[Sequence[_Questions]] = ((_Question.PEERS,), (), (_Question.MEMPOOL,), ())
"""The questions of one sample after the other, so that sampling costs less than a hundredth of a run."""


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

    async def sample(self, questions: _Questions = EVERYTHING) -> Sample:
        """Take one sample and write it into the journal.

        Args:
            questions: what every node is asked. What has no answer yet is asked, too.
        """
        present = [node for node in self._cluster.nodes if node.name in self._feed.nodes()]
        samples = await asyncio.gather(*(self._look_at(node, questions) for node in present))
        nodes = {node.name: sample for node, sample in zip(present, samples, strict=True)}
        sample = Sample(nodes, self._counters.snapshot())
        self._journal.write(sample)
        return sample

    async def run(self) -> None:
        """Take samples until cancelled."""
        for questions in cycle(TURNS):
            await self.sample(questions)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _look_at(self, node: NodeHandle, questions: _Questions) -> NodeSample:
        view = self._feed.nodes()[node.name]
        last = self._answers.get(node.name, _Answers())
        answers = self._answers[node.name] = await self._ask(node, last, questions)
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

    async def _ask(self, node: NodeHandle, last: _Answers, questions: _Questions) -> _Answers:
        """Ask a node, and return what is known then. A silent node has answered nothing."""
        limit = self._patience.seconds(_REQUEST_SECONDS)
        peers, mempool = last.peers, last.mempool
        try:
            if peers is None or _Question.PEERS in questions:
                peers = (await node.client.network_info(timeout=limit)).n_peers
            if mempool is None or _Question.MEMPOOL in questions:
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
