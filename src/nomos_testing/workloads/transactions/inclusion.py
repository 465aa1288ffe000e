"""Which of a run's own transactions are on the canonical chain, where, and how late.

The only sources are what was sent and the blocks of the canonical chain: a node's own word about its mempool is not
asked, because the real node's is wrong for transactions of blocks it proposed itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from nomos_core.identifiers import HeaderId, TxHash


@dataclass(frozen=True, slots=True)
class Sent:
    tx_hash: TxHash
    account: str
    node: str
    """The node that took it."""
    at: float
    """Seconds of the run's monotonic clock."""


@dataclass(frozen=True, slots=True)
class CanonicalBlock:
    """What inclusion needs of a block; ``seen`` is when the first node showed it, on the run's monotonic clock."""

    id: HeaderId
    height: int
    slot: int
    seen: float
    transactions: Sequence[TxHash]


@dataclass(frozen=True, slots=True)
class Inclusion:
    sent: Sent
    block: HeaderId
    height: int
    slot: int
    latency: float
    """Seconds from the node's acceptance to the block's first sighting."""


@dataclass(frozen=True, slots=True)
class InclusionReport:
    inclusions: tuple[Inclusion, ...]
    missing: tuple[Sent, ...]

    @property
    def latencies(self) -> list[float]:
        return sorted(inclusion.latency for inclusion in self.inclusions)

    def latency_percentile(self, percent: int) -> float | None:
        """None with fewer than two inclusions."""
        latencies = self.latencies
        return quantiles(latencies, n=100, method="inclusive")[percent - 1] if len(latencies) > 1 else None


def match_inclusions(sent: Iterable[Sent], canonical: Iterable[CanonicalBlock]) -> InclusionReport:
    """Match what was sent against one chain of blocks, each transaction at most once."""
    pending = {item.tx_hash: item for item in sent}
    inclusions = []
    for block in canonical:
        for tx_hash in block.transactions:
            item = pending.pop(tx_hash, None)
            if item is not None:
                latency = max(0.0, block.seen - item.at)
                inclusions.append(Inclusion(item, block.id, block.height, block.slot, latency))
    return InclusionReport(tuple(inclusions), tuple(pending.values()))
