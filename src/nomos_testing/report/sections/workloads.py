"""The sections of the workloads: transactions and blobs over time, and how long their inclusion took."""

from __future__ import annotations

from nomos_testing.evidence.inclusion import Inclusion
from nomos_testing.evidence.numbers import RunNumbers
from nomos_testing.report.page import Block, Figure, Paragraph, Section
from nomos_testing.report.plots.percentile_bars import PercentileRow, percentile_bars
from nomos_testing.report.plots.series_plot import SeriesPlot
from nomos_testing.report.sections.drawing import RunFrame, figure


def transactions_section(numbers: RunNumbers, frame: RunFrame) -> Section:
    """Return the section of the transactions. It is empty if no workload sends any."""
    blocks = _blocks(numbers.transactions, frame, "Transactions", "sent")
    return Section("transactions", "Transactions", blocks)


def blobs_section(numbers: RunNumbers, frame: RunFrame) -> Section:
    """Return the section of the blobs. It is empty if no workload disperses any."""
    return Section("blobs", "Blobs", _blocks(numbers.blobs, frame, "Blobs", "dispersed"))


def _blocks(found: Inclusion | None, frame: RunFrame, name: str, sent: str) -> list[Block]:
    if found is None:
        return []
    told = f"{found.planned} planned, {found.sent} {sent}, {found.included} included."
    blocks: list[Block] = [Paragraph(told)]
    if found.over_time:
        plot = SeriesPlot(
            title=f"{name} over time",
            description=f"At the end: {told}",
            series={
                "planned": [(item.at, item.planned) for item in found.over_time],
                sent: [(item.at, item.sent) for item in found.over_time],
                "included": [(item.at, item.included) for item in found.over_time],
            },
            end=frame.end,
            windows=frame.windows,
            whole=True,
        )
        blocks.append(figure(plot))
    if found.latency is not None:
        title = f"Seconds until inclusion: {name.lower()}"
        latency = found.latency
        row = PercentileRow(name.lower(), latency.p50, latency.p90, latency.p99, latency.count)
        bars = percentile_bars(title, [row], counted="included")
        blocks.append(Figure(title, bars, note="Bars from thick to thin: p50, p90, p99.", axis=False))
    return blocks
