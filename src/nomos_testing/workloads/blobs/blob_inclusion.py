"""That the workload's channels and blobs reach the canonical chain: 80 % of the channels, 55 % of the blobs.

Of blobs as many are expected as the workload's rate gives for the blocks there were during the run, and never more than
its channels can carry.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from nomos_testing.runtime.counters import BLOBS_INCLUDED
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.workloads.blobs.blob_diagnosis import what_is_known
from nomos_testing.workloads.blobs.blob_shortfall import why_not_more
from nomos_testing.workloads.blobs.dispersed_blobs import BlobReport, Dispersed, report_blobs
from nomos_testing.workloads.blobs.events import BlobIncluded, BlobsJudged
from nomos_testing.workloads.blobs.planning import expected_blobs, required_blobs, required_inscriptions

if TYPE_CHECKING:
    from nomos_core.identifiers import ChannelId
    from nomos_testing.workloads.blobs.channel_progress import ChannelProgress

_MISSING_SHOWN: Final = 20


class Disperser(Protocol):
    """The workload whose blobs are looked for."""

    @property
    def blob_rate(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def channels(self) -> Sequence[ChannelId]: ...
    @property
    def dispersed(self) -> Sequence[Dispersed]: ...
    @property
    def overdue(self) -> Sequence[Dispersed]: ...
    @property
    def planned(self) -> int: ...
    @property
    def progress(self) -> Sequence[ChannelProgress]: ...


class BlobInclusion:
    """Counts the channels' messages on the canonical chain, each once, whoever dispersed them."""

    name: Final = "da_workload_inclusions"

    def __init__(self, disperser: Disperser) -> None:
        self._disperser = disperser
        self._captured: float | None = None

    def prepare(self, plan: RunPlan) -> None:
        """The workload has checked everything."""

    async def capture(self, ctx: RunContext) -> None:
        self._captured = time.monotonic()
        ctx.spawn(self._follow(ctx), name="count included blobs")

    async def evaluate(self, ctx: RunContext) -> Observation:
        report = self._report(ctx)
        expected = self._expected(ctx)
        observed = {"channels": len(report.inscribed), "blobs": report.blobs}
        required = {
            "channels": required_inscriptions(len(self._disperser.channels)),
            "blobs": required_blobs(expected),
        }
        ctx.counters().set(BLOBS_INCLUDED, report.blobs)
        _journal(ctx, report, expected, required["blobs"])
        shortfall = self._missing_inscriptions(report, required["channels"]) or self._missing_blobs(
            report, expected, required["blobs"]
        )
        if shortfall:
            message = "\n  ".join([shortfall, *why_not_more(self._disperser, report, self._started())])
            evidence = await self._evidence(ctx, report)
            raise ExpectationFailed(message, observed=observed, required=required, evidence=evidence)
        return Observation(observed=observed, required=required)

    async def _follow(self, ctx: RunContext) -> None:
        async for _ in ctx.block_feed().blocks():
            ctx.counters().set(BLOBS_INCLUDED, self._report(ctx).blobs)

    def _report(self, ctx: RunContext) -> BlobReport:
        return report_blobs(self._disperser.channels, self._disperser.dispersed, ctx.block_feed().canonical_chain())

    def _expected(self, ctx: RunContext) -> int:
        start = self._started()
        end = start + ctx.run_duration()
        in_run = [block for block in ctx.block_feed().canonical_chain() if start <= block.first_seen < end]
        return expected_blobs(
            self._disperser.blob_rate,
            observed_blocks=len(in_run),
            expected_blocks=ctx.expected_blocks(),
            capacity=self._disperser.capacity,
        )

    def _started(self) -> float:
        if self._captured is None:
            raise ExpectationFailed("da workload expectation not started")
        return self._captured

    async def _evidence(self, ctx: RunContext, report: BlobReport) -> list[str]:
        """What is known of the blobs that are missing, a line for each."""
        shown = report.missing[:_MISSING_SHOWN]
        known = await asyncio.gather(*(what_is_known(ctx, missing) for missing in shown))
        overdue = {blob.blob for blob in self._disperser.overdue}
        lines = [
            f"{missing} is in no canonical block: {text}; it was dispersed at second {missing.at - self._started():.1f}"
            f"{' and was reported overdue' if missing.blob in overdue else ''}"
            for missing, text in zip(shown, known, strict=True)
        ]
        hidden = len(report.missing) - len(shown)
        return [*lines, f"... and {hidden} more"] if hidden else lines

    def _missing_inscriptions(self, report: BlobReport, required: int) -> str | None:
        if len(report.inscribed) >= required:
            return None
        counted = f"observed={len(report.inscribed)}/{len(self._disperser.channels)} required={required}"
        return f"missing inscriptions: {counted} missing={self._without(report.inscribed)}"

    def _missing_blobs(self, report: BlobReport, expected: int, required: int) -> str | None:
        if report.blobs >= required:
            return None
        filled = report.channels_with_blobs
        return (
            f"missing blobs: observed_total_blobs={report.blobs} expected_total_blobs={expected} "
            f"required_blobs={required} channels_with_blobs={len(filled)}/{len(self._disperser.channels)} "
            f"missing_channels={self._without(filled)}"
        )

    def _without(self, found: frozenset[ChannelId]) -> str:
        return f"[{', '.join(channel.hex() for channel in self._disperser.channels if channel not in found)}]"


def _journal(ctx: RunContext, report: BlobReport, expected: int, required: int) -> None:
    for included in report.included:
        ctx.journal().write(
            BlobIncluded(
                blob=included.dispersed.blob.hex(),
                channel=included.dispersed.channel.hex(),
                block=included.block.id.hex(),
                height=included.block.height,
                slot=included.block.slot,
                latency_seconds=round(included.latency, 3),
            )
        )
    ctx.journal().write(
        BlobsJudged(
            channels=len(report.blobs_by_channel),
            inscribed=len(report.inscribed),
            dispersed=len(report.included) + len(report.missing),
            included=report.blobs,
            expected=expected,
            required=required,
            latency_p50_seconds=report.latency_percentile(50),
            latency_p99_seconds=report.latency_percentile(99),
        )
    )
