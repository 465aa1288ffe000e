"""The section of the nodes: how each ended, and what it used over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from nomos_testing.evidence.node_series import NodeLife
from nomos_testing.evidence.numbers import RunNumbers
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.evidence.summary import NodeSummary
from nomos_testing.report.page import Block, Cell, Figures, Section, Table
from nomos_testing.report.plots.series_plot import SeriesPlot
from nomos_testing.report.sections.drawing import LONGEST_GAP, RunFrame, figure
from nomos_testing.report.svg import counted, shown_bytes, shown_number

_METRICS: Final[Mapping[str, tuple[str, Callable[[float], str]]]] = {
    "peers": ("Peers", shown_number),
    "mempool": ("Pending transactions in the mempool", shown_number),
    "cpu": ("Processors in use", shown_number),
    "memory": ("Memory", shown_bytes),
    "disk": ("Disk", shown_bytes),
}
_WHOLE: Final = frozenset({"peers", "mempool"})


def nodes_section(record: RunRecord, numbers: RunNumbers, frame: RunFrame) -> Section:
    """Return the section."""
    blocks: list[Block] = []
    rows = [_row(node, record.summary.nodes.get(node), numbers) for node in numbers.nodes]
    if rows:
        columns = ("node", "height", "peers", "reorganisations", "started", "state at the end")
        blocks.append(Table("Nodes", columns, rows))
    figures = [
        figure(
            SeriesPlot(
                title=title,
                description=_spoken(numbers.series[metric], shown),
                series=numbers.series[metric],
                end=frame.end,
                windows=frame.windows,
                stepped=metric in _WHOLE,
                longest_gap=LONGEST_GAP,
                whole=metric in _WHOLE,
                shown=shown,
                styles=frame.styles,
                breaks=frame.breaks,
            )
        )
        for metric, (title, shown) in _METRICS.items()
        if metric in numbers.series
    ]
    if figures:
        blocks.append(Figures(figures))
    return Section("nodes", "Nodes", blocks)


def _row(node: str, summary: NodeSummary | None, numbers: RunNumbers) -> list[Cell | str]:
    if summary is None:
        return [node, "-", "-", "0", "0 times", Cell("was never started", "warning")]
    life = numbers.lives.get(node)
    starts = len(life.starts) if life is not None else 0
    state: Cell | str = "ran to the end"
    if summary.ended_unexpectedly is not None:
        state = Cell(f"ended by itself: {summary.ended_unexpectedly}", "bad")
    elif life is not None and _was_ended(life, numbers):
        state = f"ended as asked: {life.ends[-1].status}"
    height, peers = ("-" if value is None else str(value) for value in (summary.height, summary.peers))
    return [node, height, peers, str(summary.reorganisations), counted(starts, "time"), state]


def _was_ended(life: NodeLife, numbers: RunNumbers) -> bool:
    """Tell whether a node did not run any more when the teardown began."""
    teardown = next((phase.began for phase in numbers.phases if phase.name == "teardown"), numbers.duration)
    last_start = life.starts[-1] if life.starts else 0.0
    return bool(life.ends) and last_start < life.ends[-1].at < teardown


def _spoken(nodes: Mapping[str, tuple[tuple[float, float], ...]], shown: Callable[[float], str]) -> str:
    return "; ".join(
        f"{node}: {shown(min(value for _, value in points))} to {shown(max(value for _, value in points))}"
        for node, points in nodes.items()
        if points
    )
