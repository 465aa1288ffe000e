"""The comparison of runs as HTML: the differences, and the plots of all runs over each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Final

from nomos_testing.evidence.comparison import ComparedRun, Comparison, Finding
from nomos_testing.evidence.inclusion import Inclusion
from nomos_testing.evidence.node_series import Series
from nomos_testing.evidence.numbers import RunNumbers
from nomos_testing.percentiles import Percentiles, percentiles_of
from nomos_testing.report.comparison_text import (
    DIFFERENCE_COLUMNS,
    RUN_COLUMNS,
    difference_row,
    headline,
    run_row,
    statement,
    title,
    version_rows,
)
from nomos_testing.report.page import Block, Card, Cell, Figure, Figures, Lines, Page, Section, Table, render
from nomos_testing.report.plots.percentile_bars import PercentileRow, percentile_bars
from nomos_testing.report.plots.series_plot import SeriesPlot
from nomos_testing.report.sections.drawing import LONGEST_GAP, figure
from nomos_testing.report.svg import shown_bytes, shown_number

_USED: Final[Mapping[str, tuple[str, Callable[[float], str]]]] = {
    "cpu": ("Processors in use, average of all nodes", shown_number),
    "memory": ("Memory, average of all nodes", shown_bytes),
    "disk": ("Disk, average of all nodes", shown_bytes),
    "mempool": ("Pending transactions, average of all nodes", shown_number),
    "peers": ("Peers, average of all nodes", shown_number),
}
_FROM_START: Final = "Seconds since the workloads began."


def write_comparison_html(comparison: Comparison) -> str:
    """Return the comparison as HTML."""
    count = len(comparison.beyond_noise)
    mark = f"{count} beyond noise" if count else "no difference beyond noise"
    sections = [
        Section("differences", "Differences", list(_differences(comparison))),
        Section("runs", "Runs", list(_runs(comparison))),
        Section("chain", "Chain", list(_chain(comparison.runs))),
        Section("latencies", "Propagation and latency", list(_latencies(comparison.runs))),
        Section("nodes", "What the nodes used", list(_used(comparison.runs))),
    ]
    subtitle = ", ".join(f"{run.label}: {run.record.directory.name}" for run in comparison.runs)
    return render(Page(title(comparison), subtitle, mark, "warning" if count else "good", sections))


def _differences(comparison: Comparison) -> Iterator[Block]:
    found = [statement(item) for item in comparison.beyond_noise]
    yield Card(headline(comparison), "warning" if found else "good", lines=found)
    if comparison.notes:
        yield Lines("What makes the comparison doubtful", comparison.notes, unfolded=True)
    rows: list[list[Cell | str]] = []
    for item in comparison.differences:
        *cells, finding = difference_row(item)
        rows.append([*cells, Cell(finding, "warning" if item.finding is Finding.BEYOND_NOISE else "")])
    yield Table("Measures", DIFFERENCE_COLUMNS, rows)


def _runs(comparison: Comparison) -> Iterator[Block]:
    yield Table("Runs", RUN_COLUMNS, [run_row(run) for run in comparison.runs])
    versions = list(version_rows(comparison))
    if versions:
        yield Table("Versions that differ", ("version", *(run.label for run in comparison.runs)), versions)


def _chain(runs: Sequence[ComparedRun]) -> Iterator[Block]:
    plot = _plot(runs, "Height of the highest node", {run.label: _highest(run.numbers) for run in runs}, whole=True)
    if plot is not None:
        yield plot


def _highest(numbers: RunNumbers) -> Series:
    """Return the height of the highest node, at every growth."""
    merged = sorted(point for points in numbers.heights.values() for point in points)
    found: list[tuple[float, float]] = []
    for at, height in merged:
        if not found or height > found[-1][1]:
            found.append((at, height))
    return tuple(found)


def _latencies(runs: Sequence[ComparedRun]) -> Iterator[Block]:
    kinds: tuple[tuple[str, str, Callable[[RunNumbers], Percentiles | None]], ...] = (
        ("Propagation of blocks to all nodes", "arrivals", _propagation),
        ("Latency of transactions", "transactions", lambda numbers: _latency(numbers.transactions)),
        ("Latency of blobs", "blobs", lambda numbers: _latency(numbers.blobs)),
    )
    for name, counted, read in kinds:
        found = [(run.label, read(run.numbers)) for run in runs]
        rows = [
            PercentileRow(label, each.p50, each.p90, each.p99, each.count) for label, each in found if each is not None
        ]
        if rows:
            yield Figure(name, percentile_bars(name, rows, counted=counted), axis=False)


def _propagation(numbers: RunNumbers) -> Percentiles | None:
    return percentiles_of(value for group in numbers.propagation_of_blocks for value in group)


def _latency(found: Inclusion | None) -> Percentiles | None:
    return found.latency if found is not None else None


def _used(runs: Sequence[ComparedRun]) -> Iterator[Block]:
    figures = []
    for metric, (name, shown) in _USED.items():
        series = {run.label: _average(run.numbers.series.get(metric, {})) for run in runs}
        plot = _plot(runs, name, series, shown=shown)
        if plot is not None:
            figures.append(plot)
    if figures:
        yield Figures(figures)


def _average(nodes: Mapping[str, Series]) -> Series:
    """Return the average of all nodes in each second."""
    seconds: dict[int, list[float]] = {}
    for points in nodes.values():
        for at, value in points:
            seconds.setdefault(int(at), []).append(value)
    return tuple((float(second), fmean(values)) for second, values in sorted(seconds.items()))


def _plot(
    runs: Sequence[ComparedRun],
    name: str,
    series: Mapping[str, Series],
    *,
    whole: bool = False,
    shown: Callable[[float], str] = shown_number,
) -> Figure | None:
    """Draw a value of all runs, each from the beginning of its workloads on."""
    began = {run.label: run.numbers.run_phase.began for run in runs if run.numbers.run_phase is not None}
    shifted = {
        label: tuple((at - began[label], value) for at, value in points if at >= began[label])
        for label, points in series.items()
        if label in began
    }
    drawn = {label: points for label, points in shifted.items() if points}
    if not drawn:
        return None
    return figure(
        SeriesPlot(
            title=name,
            description="; ".join(f"{label}: {shown(points[-1][1])} at the end" for label, points in drawn.items()),
            series=drawn,
            end=max(points[-1][0] for points in drawn.values()) or 1.0,
            stepped=whole,
            longest_gap=None if whole else LONGEST_GAP,
            whole=whole,
            shown=shown,
            styles={run.label: place for place, run in enumerate(runs)},
        ),
        note=_FROM_START,
    )
