"""The measures in which runs are compared: for each the measurements of one run, in groups that chance makes anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Final, Literal

from nomos_testing.blocks.block_feed import poll_interval
from nomos_testing.evidence.inclusion import Inclusion
from nomos_testing.evidence.node_series import Series
from nomos_testing.evidence.numbers import RunNumbers

Unit = Literal["s", "slots", "blocks", "processors", "bytes"]
WINDOW_SECONDS: Final = 10.0
"""Samples of what a node uses follow each other, so that only averages of longer windows count as measurements."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of a run, and how it is read from the run's figures."""

    name: str
    """Its name: ``latency of transactions``."""
    unit: Unit
    """The unit of its values."""
    groups: Callable[[RunNumbers], Sequence[Sequence[float]]]
    """Returns the measurements, in groups. Those of one group have a common cause, such as the block that includes all
    of them, so that a test of chance takes only the median of each group."""
    polled: bool = False
    """Whether the block feed sees what is measured, so that its interval is the resolution."""

    def resolution(self, numbers: RunNumbers) -> float:
        """Return the smallest difference that the measurements of a run can show."""
        return poll_interval(numbers.slot_seconds) if self.polled else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of one run."""

    values: tuple[float, ...]
    """All measurements."""
    independent: tuple[float, ...]
    """The median of each group."""


def measured(measure: Measure, numbers: RunNumbers) -> Measured:
    """Return the measurements of a run."""
    groups = [group for group in measure.groups(numbers) if group]
    return Measured(tuple(value for group in groups for value in group), tuple(map(median, groups)))


def _single(values: Iterator[float]) -> list[tuple[float]]:
    return [(value,) for value in values]


def _block_intervals(numbers: RunNumbers) -> Iterator[float]:
    phase = numbers.run_phase
    if phase is None or numbers.slot_seconds is None:
        return
    ended = phase.began + phase.seconds if phase.seconds is not None else numbers.duration
    chain = [numbers.blocks[block] for block in numbers.canonical]
    slots = [block.slot for block in chain if phase.began <= block.first_seen <= ended]
    for before, after in pairwise(slots):
        yield (after - before) * numbers.slot_seconds


def _inclusion(found: Inclusion | None) -> Sequence[Sequence[float]]:
    return found.latencies_of_blocks if found is not None else ()


def _recoveries(numbers: RunNumbers) -> Iterator[float]:
    return (fault.recovered_slots for fault in numbers.fault_windows if fault.recovered_slots is not None)


def _used(metric: str) -> Callable[[RunNumbers], Sequence[Sequence[float]]]:
    def groups(numbers: RunNumbers) -> Sequence[Sequence[float]]:
        return list(_windows(numbers, numbers.series.get(metric, {})))

    return groups


def _windows(numbers: RunNumbers, series: Mapping[str, Series]) -> Iterator[tuple[float]]:
    """Yield the average of all nodes in each window of the run phase."""
    phase = numbers.run_phase
    if phase is None:
        return
    ended = phase.began + phase.seconds if phase.seconds is not None else numbers.duration
    windows: dict[int, list[float]] = {}
    for points in series.values():
        for at, value in points:
            if phase.began <= at <= ended:
                windows.setdefault(int((at - phase.began) / WINDOW_SECONDS), []).append(value)
    for _, values in sorted(windows.items()):
        yield (fmean(values),)


def _depths(numbers: RunNumbers) -> list[tuple[float, ...]]:
    """Return the depths of each fork: its nodes reorganise for the same reason."""
    return [tuple(float(item.abandoned) for item in tree.reorganisations) for tree in numbers.fork_trees]


MEASURES: Final[tuple[Measure, ...]] = (
    Measure("time between blocks", "s", lambda numbers: _single(_block_intervals(numbers))),
    Measure("propagation of blocks", "s", lambda numbers: numbers.propagation_of_blocks, polled=True),
    Measure("latency of transactions", "s", lambda numbers: _inclusion(numbers.transactions), polled=True),
    Measure("latency of blobs", "s", lambda numbers: _inclusion(numbers.blobs), polled=True),
    Measure("depth of reorganisations", "blocks", _depths),
    Measure("recovery from faults", "slots", lambda numbers: _single(_recoveries(numbers))),
    Measure("processors of a node", "processors", _used("cpu")),
    Measure("memory of a node", "bytes", _used("memory")),
    Measure("disk of a node", "bytes", _used("disk")),
)
"""Every measure. A lower value is better in all of them."""
