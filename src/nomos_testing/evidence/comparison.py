"""Several runs beside each other: what is different between them, and which differences chance does not explain.

The first run is the one that the others are compared with. A difference is *beyond noise* if three things hold:

- Each run has at least ``FEWEST`` independent measurements. Transactions of one block, and samples of ten seconds, are
  one measurement (see ``Measure.groups``).
- Chance alone gives such a difference in less than one of a thousand comparisons (``CHANCE``; Mann-Whitney U test, and
  for numbers of forks the exact test of two Poisson rates).
- The typical values differ by a tenth or more (``EFFECT``), and by more than the resolution of the measurements: the
  interval of the block feed for what it sees.

This is about chance within the runs. A machine that was busier in one of them makes differences that are beyond noise,
too: the notes say so where the journals show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any, Final

from nomos_testing.evidence.chance import mann_whitney, rates_differ
from nomos_testing.evidence.numbers import RunNumbers, numbers_of
from nomos_testing.evidence.run_measures import MEASURES, Measure, Measured, Unit, measured
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.percentiles import Percentiles, percentiles_of
from nomos_testing.runtime.run_directory import SCENARIO_NAME

FEWEST: Final = 10
"""Independent measurements of a run that can be compared."""
CHANCE: Final = 0.001
"""A difference that chance makes more often is noise. Some ten measures are compared, so it is a small one."""
EFFECT: Final = 1.1
"""The smallest ratio of typical values that is told as a difference."""
_MACHINE_RATIO: Final = 1.25
"""Machines that differ more in speed are named."""
_OF_THE_SCENARIO: Final = ("topology", "metrics", "workloads", "expectations", "faults")
"""Keys of a plan that follow from the scenario."""


class Finding(StrEnum):
    """The answer to whether two runs differ in a measure."""

    BEYOND_NOISE = "beyond noise"
    """They differ."""
    WITHIN_NOISE = "within noise"
    """Chance explains the difference, or there is none."""
    TOO_SMALL = "too small"
    """They differ by less than counts, though not by chance."""
    TOO_FEW = "too few measurements"
    """Longer runs would tell."""
    MISSING = "not measured"
    """A run has none at all."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the runs."""

    label: str
    """``A`` for the first, ``B``, ..."""
    record: RunRecord
    """The run."""
    numbers: RunNumbers
    """Its figures."""
    versions: dict[str, str]
    """Programs, versions, machine and variables, by name."""

    @property
    def forks_per_100_slots(self) -> float | None:
        """Forks that made a node reorganise, in each 100 slots of the run phase; None without such a phase."""
        phase, slot = self.numbers.run_phase, self.numbers.slot_seconds
        if phase is None or not phase.seconds or not slot:
            return None
        return len(self.numbers.fork_trees) * 100 * slot / phase.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A measure in two runs."""

    measure: str
    """Name of the measure."""
    unit: Unit | str
    """The unit of the values."""
    before: str
    """Label of the first run."""
    after: str
    """Label of the other run."""
    first: Percentiles | None
    """The percentiles in the first run; None if it has no measurements."""
    second: Percentiles | None
    """The percentiles in the other run."""
    statistic: str
    """``p50``, or ``average`` where the medians are equal or zero: which values ``typical`` has."""
    typical: tuple[float, float] | None
    """The typical value in both runs; None if one has no measurements."""
    ratio: float | None
    """The other run's typical value by the first one's; None if there is none, infinite if the first is 0."""
    chance: float | None
    """How often chance alone makes such a difference (p-value); None if this was not tested."""
    finding: Finding
    """Whether the runs differ."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs beside each other."""

    runs: tuple[ComparedRun, ...]
    """The runs, at least two."""
    differences: tuple[Difference, ...]
    """Every measure that any run has, for each run after the first."""
    notes: tuple[str, ...]
    """Reasons to doubt the comparison: other scenarios, machines, seeds, overload, failures."""

    @property
    def beyond_noise(self) -> tuple[Difference, ...]:
        """The differences that chance does not explain."""
        return tuple(item for item in self.differences if item.finding is Finding.BEYOND_NOISE)


def compare(records: Sequence[RunRecord]) -> Comparison:
    """Compare runs with the first of them.

    Args:
        records: at least two runs.
    """
    runs = tuple(
        ComparedRun(label_of(place), record, numbers_of(record), _versions(record))
        for place, record in enumerate(records)
    )
    first, *others = runs
    differences = [
        difference
        for other in others
        for difference in (*(_difference(measure, first, other) for measure in MEASURES), _forks(first, other))
        if difference is not None
    ]
    return Comparison(runs, tuple(differences), (*_notes(runs), *_too_short(differences)))


def label_of(place: int) -> str:
    """Return the label of a run: ``A`` to ``Z``, then ``A2``, ``B2``, ..."""
    turn, letter = divmod(place, 26)
    return chr(ord("A") + letter) + (str(turn + 1) if turn else "")


def _difference(measure: Measure, first: ComparedRun, other: ComparedRun) -> Difference | None:
    left, right = measured(measure, first.numbers), measured(measure, other.numbers)
    if not left.values and not right.values:
        return None
    before, after = percentiles_of(left.values), percentiles_of(right.values)
    statistic, typical = "p50", None
    if before is not None and after is not None:
        typical = (before.p50, after.p50)
        if before.p50 == after.p50 or 0 in typical:
            statistic, typical = "average", (fmean(left.values), fmean(right.values))
    ratio = _ratio(typical)
    chance = _chance(left, right)
    return Difference(
        measure=measure.name,
        unit=measure.unit,
        before=first.label,
        after=other.label,
        first=before,
        second=after,
        statistic=statistic,
        typical=typical,
        ratio=ratio,
        chance=chance,
        finding=Finding.MISSING
        if typical is None
        else _finding(ratio, chance, seen=_seen(measure, typical, first, other)),
    )


def _seen(measure: Measure, typical: tuple[float, float], first: ComparedRun, other: ComparedRun) -> bool:
    """Tell whether a difference is above the resolution of the measurements."""
    before, after = typical
    return abs(after - before) > max(measure.resolution(run.numbers) for run in (first, other))


def _chance(left: Measured, right: Measured) -> float | None:
    if min(len(left.independent), len(right.independent)) < FEWEST:
        return None
    return mann_whitney(left.independent, right.independent)


def _ratio(typical: tuple[float, float] | None) -> float | None:
    if typical is None:
        return None
    before, after = typical
    return after / before if before else 1.0 if after == before else float("inf")


def _finding(ratio: float | None, chance: float | None, *, seen: bool) -> Finding:
    if chance is None or ratio is None:
        return Finding.TOO_FEW
    if chance >= CHANCE:
        return Finding.WITHIN_NOISE
    large = ratio >= EFFECT or ratio <= 1 / EFFECT
    return Finding.BEYOND_NOISE if seen and large else Finding.TOO_SMALL


def _forks(first: ComparedRun, other: ComparedRun) -> Difference | None:
    before, after = first.forks_per_100_slots, other.forks_per_100_slots
    if before is None or after is None:
        return None
    counts = [len(run.numbers.fork_trees) for run in (first, other)]
    slots = [_slots(run) for run in (first, other)]
    chance = rates_differ(counts[0], counts[1], slots[0], slots[1])
    ratio = _ratio((before, after))
    return Difference(
        measure="forks in 100 slots",
        unit="",
        before=first.label,
        after=other.label,
        first=None,
        second=None,
        statistic="average",
        typical=(before, after),
        ratio=ratio,
        chance=chance,
        finding=_finding(ratio, chance, seen=True),
    )


def _slots(run: ComparedRun) -> float:
    phase, slot = run.numbers.run_phase, run.numbers.slot_seconds
    return phase.seconds / slot if phase is not None and phase.seconds and slot else 0.0


def _versions(record: RunRecord) -> dict[str, str]:
    environment = record.environment
    if environment is None:  # a journal of an earlier version
        programs = record.plan.get("programs")
        return {key: str(value) for key, value in programs.items()} if isinstance(programs, dict) else {}
    return {
        **environment.nodes,
        "nomos_testing": environment.version,
        "python": environment.python,
        "system": environment.system,
        "processors": str(environment.processors),
        "memory": f"{environment.memory_bytes / 1e9:.1f} GB",
        "proofs": environment.proofs,
        **environment.settings,
    }


def _notes(runs: Sequence[ComparedRun]) -> Iterator[str]:
    first, *others = runs
    for other in others:
        pair = f"{first.label} and {other.label}"
        yield from (f"{pair} {text}" for text in _unlike(first, other))
    for run in runs:
        summary = run.record.summary
        if summary.fell_behind is not None:
            yield f"{run.label}: the machine was overloaded, so its figures say little about the nodes"
        if summary.outcome != "passed":
            yield f"{run.label} did not pass ({summary.kind or 'not ended'}), so it may have ended early"


def _too_short(differences: Sequence[Difference]) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for item in differences:
        if item.finding is Finding.TOO_FEW:
            names.setdefault(f"{item.before} and {item.after}", []).append(item.measure)
    for pair, measures in names.items():
        yield f"{pair} have too few measurements of: {', '.join(measures)}; longer runs would have enough"


def _unlike(first: ComparedRun, other: ComparedRun) -> Iterator[str]:
    before, after = first.record.summary.started, other.record.summary.started
    if before is None or after is None:
        yield "cannot be matched: a run ended before it began"
        return
    if before.scenario != after.scenario:
        yield f"have different scenarios: {before.scenario}, {after.scenario}"
    left, right = _plan(first), _plan(other)
    # With another seed the same schedule gives other faults.
    drawn = {"faults"} if before.seed != after.seed else set()
    changed = [key for key in _OF_THE_SCENARIO if key not in drawn and left.get(key) != right.get(key)]
    if changed:
        yield f"have different plans: {', '.join(changed)}"
    elif _scenario_file(first) != _scenario_file(other):
        yield f"have different files {SCENARIO_NAME}"
    if before.seed != after.seed:
        yield f"have different seeds ({before.seed}, {after.seed}): other keys, leaders and random choices"
    if before.deployer != after.deployer:
        yield f"ran on different deployers: {before.deployer}, {after.deployer}"
    speeds = sorted((before.machine_factor, after.machine_factor))
    if speeds[1] > speeds[0] * _MACHINE_RATIO:
        yield f"ran on machines of different speed (factors {before.machine_factor:.2g}, {after.machine_factor:.2g})"


def _plan(run: ComparedRun) -> dict[str, Any]:
    return {key: _without_seed(run.record.plan.get(key)) for key in _OF_THE_SCENARIO}


def _without_seed(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != "seed"} if isinstance(value, dict) else value


def _scenario_file(run: ComparedRun) -> list[str]:
    """Return the lines of the scenario file without its seed; none if the scenario was a program."""
    try:
        text = (run.record.directory / SCENARIO_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if not line.startswith("seed:")]
