"""That the workload's transactions reach the canonical chain: at least half of those planned."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from nomos_core import field
from nomos_core.identifiers import TxHash
from nomos_testing.runtime.counters import TRANSACTIONS_INCLUDED
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionsJudged
from nomos_testing.workloads.transactions.inclusion import CanonicalBlock, InclusionReport, match_inclusions
from nomos_testing.workloads.transactions.spending import CanonicalTransactions
from nomos_testing.workloads.transactions.submission import required_inclusions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nomos_testing.workloads.transactions.inclusion import Sent

_MISSING_SHOWN: Final = 10


class Submitter(Protocol):
    """The workload whose transactions are looked for."""

    @property
    def planned(self) -> int: ...
    @property
    def sent(self) -> Sequence[Sent]: ...


class TransactionInclusion:
    """Counts the workload's own transactions on the canonical chain, each once, wherever they were sent."""

    name: Final = "tx_inclusion_expectation"

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter
        self._started = 0.0

    def prepare(self, plan: RunPlan) -> None:
        if not plan.topology.wallet:
            raise ValueError("transaction workload requires seeded accounts")

    async def capture(self, ctx: RunContext) -> None:
        self._started = time.monotonic()
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
    ctx.journal().write(
        TransactionsJudged(
            planned=planned,
            sent=len(report.inclusions) + len(report.missing),
            included=len(report.inclusions),
            latency_p50_seconds=report.latency_percentile(50),
            latency_p99_seconds=report.latency_percentile(99),
        )
    )
