"""The plots of several sections: one value of each node over the time of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nomos_testing.evidence.numbers import RunNumbers
from nomos_testing.report.page import Figure, LegendItem, Table
from nomos_testing.report.plots.series_plot import SeriesPlot, Window
from nomos_testing.report.svg import Points

LONGEST_GAP: Final = 6.0
"""Seconds without a sample after which a line is not drawn on. Samples come about once a second."""


@dataclass(frozen=True, slots=True)
class RunFrame:
    """The axis of time, the faults and the looks that all plots of a run share."""

    end: float
    """The end of the axis, in seconds."""
    windows: Sequence[Window]
    """The faults."""
    styles: Mapping[str, int]
    """The number of the style of each node."""
    breaks: Mapping[str, Sequence[float]]
    """When each node ended."""

    @classmethod
    def of(cls, numbers: RunNumbers) -> RunFrame:
        """Return the frame of a run."""
        windows = [
            Window(str(fault.number), fault.text, fault.began, fault.ended, fault.recovered)
            for fault in numbers.fault_windows
        ]
        breaks = {node: [end.at for end in life.ends] for node, life in numbers.lives.items()}
        styles = {node: place for place, node in enumerate(numbers.nodes)}
        return cls(max(numbers.duration, 0.001), windows, styles, breaks)


def figure(plot: SeriesPlot, *, note: str = "") -> Figure:
    """Return the figure of a plot, with its legend and its data."""
    legend = [LegendItem(name, plot.style_of(name)) for name in plot.series]
    table = Table(f"Data of: {plot.title}", ("time", *plot.series), plot.rows())
    return Figure(plot.title, plot.svg(), legend, bool(plot.windows), note, table)


def spoken_ends(series: Mapping[str, Points], unit: str) -> str:
    """Return a sentence with the last value of each name, for those who do not see the plot."""
    last = ", ".join(f"{name} {points[-1][1]:g}" for name, points in series.items() if points)
    return f"At the end: {last} ({unit})." if last else "There are no values."
