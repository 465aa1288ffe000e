"""Inclusion of transactions: at least half of the planned ones reach the canonical chain.

The check uses only what was sent and the blocks of the canonical chain. It does not ask nodes for their mempools,
because a real node reports wrong states for transactions of blocks that it proposed itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from nomos_core import field
from nomos_core.identifiers import HeaderId, TxHash
from nomos_testing.percentiles import Percentiles, percentiles_of
from nomos_testing.runtime.counters import TRANSACTIONS_INCLUDED
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.runtime.specifications import Specification
from nomos_testing.surroundings import monotonic
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionsJudged
from nomos_testing.workloads.transactions.spending import CanonicalTransactions


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that a node has accepted."""

    tx_hash: TxHash
    account: str
    node: str
    """The node that accepted it."""
    at: float
    """Seconds of the run's monotonic clock."""


@dataclass(frozen=True, slots=True)
class CanonicalBlock:
    """The parts of a block that inclusion needs. ``seen`` is the monotonic time when the first node showed it."""

    id: HeaderId
    height: int
    slot: int
    seen: float
    transactions: Sequence[TxHash]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A transaction and the block that includes it."""

    sent: Sent
    block: HeaderId
    height: int
    slot: int
    latency: float
    """Seconds from the node's acceptance to the block's first sighting."""


@dataclass(frozen=True, slots=True)
class InclusionReport:
    """The transactions that one chain includes, and those that it does not."""

    inclusions: tuple[Inclusion, ...]
    missing: tuple[Sent, ...]

    def latency(self) -> Percentiles | None:
        """Return the percentiles of the latencies in seconds; None without inclusions."""
        return percentiles_of(inclusion.latency for inclusion in self.inclusions)


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


MIN_INCLUSION_RATIO: Final = 0.5
_MISSING_SHOWN: Final = 10


def required_inclusions(planned: int) -> int:
    return math.ceil(planned * MIN_INCLUSION_RATIO)


class Submitter(Protocol):
    """A running workload whose transactions are counted."""

    @property
    def planned(self) -> int: ...
    @property
    def sent(self) -> Sequence[Sent]: ...


@dataclass(frozen=True, slots=True)
class TransactionInclusion:
    """At the end the canonical chain has half of the transactions that a workload plans."""

    name: ClassVar[str] = "tx_inclusion_expectation"
    submitter: Specification[Submitter]

    def prepare(self, plan: RunPlan) -> None:
        if not plan.topology.wallet:
            raise ValueError("transaction workload requires seeded accounts")

    def begin(self, ctx: RunContext) -> RunningTransactionInclusion:
        return RunningTransactionInclusion(self.name, ctx.running(self.submitter))


class RunningTransactionInclusion:
    """Counts the transactions of one run on the canonical chain, each once."""

    def __init__(self, name: str, submitter: Submitter) -> None:
        self.name = name
        self._submitter = submitter
        self._started = 0.0

    async def capture(self, ctx: RunContext) -> None:
        self._started = monotonic()
        ctx.spawn(self._follow(ctx), name="count included transactions")

    async def evaluate(self, ctx: RunContext) -> Observation:
        planned = self._submitter.planned
        if planned == 0:
            raise ExpectationFailed("transaction workload planned zero transactions")
        report = self._report(ctx)
        ctx.counters().set(TRANSACTIONS_INCLUDED, len(report.inclusions))
        _journal(ctx, report, planned)
        observed, required = len(report.inclusions), required_inclusions(planned)
        if observed < required:
            raise ExpectationFailed(
                f"transaction inclusion observed {observed} below required {required}",
                observed=observed,
                required=required,
                evidence=_missing_lines(report, self._started),
            )
        return Observation(observed=observed, required=required)

    async def _follow(self, ctx: RunContext) -> None:
        canonical, feed, sent = CanonicalTransactions(), ctx.block_feed(), set[TxHash]()
        async for _ in feed.blocks():
            canonical.update(feed)
            sent.update(item.tx_hash for item in self._submitter.sent[len(sent) :])
            ctx.counters().set(TRANSACTIONS_INCLUDED, canonical.count(sent))

    def _report(self, ctx: RunContext) -> InclusionReport:
        canonical = (
            CanonicalBlock(
                id=record.id,
                height=record.height,
                slot=record.slot,
                seen=record.first_seen,
                transactions=[transaction.hash for transaction in record.block.transactions],
            )
            for record in ctx.block_feed().canonical_chain()
        )
        return match_inclusions(self._submitter.sent, canonical)


def _missing_lines(report: InclusionReport, started: float) -> list[str]:
    shown = [
        f"{item.account}: transaction {field.to_hex(item.tx_hash)}, taken by {item.node} {item.at - started:.1f} s "
        "into the run, is in no canonical block"
        for item in report.missing[:_MISSING_SHOWN]
    ]
    hidden = len(report.missing) - len(shown)
    return [*shown, f"... and {hidden} more"] if hidden > 0 else shown


def _journal(ctx: RunContext, report: InclusionReport, planned: int) -> None:
    for inclusion in report.inclusions:
        ctx.journal().write(
            TransactionIncluded(
                transaction=field.to_hex(inclusion.sent.tx_hash),
                block=inclusion.block.hex(),
                height=inclusion.height,
                slot=inclusion.slot,
                latency_seconds=round(inclusion.latency, 3),
            )
        )
    latency = report.latency()
    ctx.journal().write(
        TransactionsJudged(
            planned=planned,
            sent=len(report.inclusions) + len(report.missing),
            included=len(report.inclusions),
            latency_p50_seconds=latency.p50 if latency is not None else None,
            latency_p99_seconds=latency.p99 if latency is not None else None,
        )
    )
