"""``nomos-testing run --repeat`` and ``--rerun-failed``: several runs, and the ways in which they fail."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Final

from nomos_testing.deployers.shared.run_opening import usable
from nomos_testing.diagnosis.diagnose import diagnose, signature_of
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.evidence.run_record import NotARun, read_run
from nomos_testing.journal.journal import JOURNAL_NAME
from nomos_testing.outcome import VerdictKind
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.scenario.errors import ScenarioError
from nomos_testing.scenario.replay import deployer_of, load_replay
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

Run = Callable[[Path, Scenario], int]
"""Runs a scenario once, with its directory in the given one, and returns the exit code of the run."""
RunOn = Callable[[Path, Scenario, str], int]
"""The same on a deployer."""
PASSED: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130
"""Exit code after Ctrl-C between two runs."""
_FIRST_SIGNAL: Final = 128
"""Higher exit codes are those of interrupted runs."""
_SEED_BITS: Final = 48
_PLAIN_WIDTH: Final = 160
"""Columns of the tables if the output is no terminal."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of the runs."""

    seed: int
    """Its seed."""
    exit_code: int
    """Its exit code."""
    verdict: VerdictKind | None
    """The kind of its verdict; None if it has none."""
    signature: str
    """``passed``, or the way in which it failed."""
    cause: str
    """The title of the likely cause; empty if there is none."""
    seconds: float
    """Its duration with start and teardown."""
    directory: Path | None
    """Its directory; None if it did not get so far."""

    @property
    def passed(self) -> bool:
        """Whether it passed. A run that was interrupted after its verdict has passed, too."""
        return self.verdict is VerdictKind.PASSED and self.exit_code != FAILED

    @property
    def interrupted(self) -> bool:
        """Whether somebody ended it, before or after its verdict."""
        return self.exit_code > _FIRST_SIGNAL

    @property
    def judged(self) -> bool:
        """Whether it counts. A run that was interrupted before its verdict says nothing."""
        return not self.interrupted or self.verdict not in {VerdictKind.INTERRUPTED, None}


def repeat(
    load: Callable[[int | None], Scenario],
    run: Run,
    *,
    times: int,
    until_failure: bool,
    same_seed: bool,
    runs_directory: Path,
) -> int:
    """Run a scenario several times, and print what became of each run, and how often it failed in which way.

    Args:
        load: builds the scenario with a seed; with None, it has the seed of its own.
        run: runs it once.
        times: how often, at least once.
        until_failure: stop after the first run that does not pass.
        same_seed: all runs have the first one's seed; else the seeds of the later runs are drawn from it.
        runs_directory: gets a directory with all runs.

    Returns:
        The exit code: 0 if all runs passed, 1 if one did not, 128 + n if signal n ended them.

    Raises:
        ScenarioError: the scenario cannot be built.
        DeployError: the runs directory cannot be used.
    """
    scenario = load(None)
    seeds, directory = Random(scenario.seed), _directory_of_runs(runs_directory, f"{scenario.name}-repeat")
    attempts: list[Attempt] = []
    try:
        for number in range(1, times + 1):
            if number > 1:
                scenario = load(scenario.seed if same_seed else seeds.getrandbits(_SEED_BITS))
            print(f"run {number} of {times}, seed {scenario.seed}", file=sys.stderr, flush=True)
            attempts.append(_attempt(scenario, run, directory))
            if _ends(attempts[-1], until_failure=until_failure):
                break
    except KeyboardInterrupt:  # between two runs; during one, the run ends in order and has an exit code
        _print_attempts(attempts, times, directory)
        return INTERRUPTED
    _print_attempts(attempts, times, directory)
    return _exit_code(attempts)


def _directory_of_runs(runs_directory: Path, name: str) -> Path:
    with usable(runs_directory):
        return RunDirectory.create(runs_directory, name).path


def _ends(attempt: Attempt, *, until_failure: bool) -> bool:
    # Without a directory there is nothing to deploy on, which another attempt does not change.
    return attempt.interrupted or attempt.directory is None or (until_failure and not attempt.passed)


def _exit_code(attempts: Sequence[Attempt]) -> int:
    stopped = [attempt.exit_code for attempt in attempts if attempt.interrupted]
    if stopped:
        return stopped[0]
    return PASSED if attempts and all(attempt.passed for attempt in attempts) else FAILED


def _attempt(scenario: Scenario, run: Run, directory: Path) -> Attempt:
    before = set(directory.iterdir())
    exit_code = run(directory, scenario)
    made = sorted(set(directory.iterdir()) - before)
    if not made:
        return Attempt(scenario.seed, exit_code, None, "could not run", "", 0.0, None)
    try:
        record = read_run(made[-1])
    except NotARun as error:
        text = str(error).partition("\n")[0]
        return Attempt(scenario.seed, exit_code, None, "has no journal", text, 0.0, made[-1])
    causes = diagnose(record)
    cause = causes[0].title if causes else ""
    kind = record.summary.kind
    return Attempt(scenario.seed, exit_code, kind, signature_of(record), cause, record.duration, made[-1])


def _print_attempts(attempts: Sequence[Attempt], times: int, directory: Path) -> None:
    """Print a line for each run, then how often which way of failing was seen, and where the runs are."""
    console = _console()
    rows = [
        [str(number), str(attempt.seed), attempt.signature, f"{attempt.seconds:.1f}", _name(attempt.directory)]
        for number, attempt in enumerate(attempts, start=1)
    ]
    _print_table(console, ("run", "seed", "result", "seconds", "directory"), rows)
    counted = Counter(attempt.signature for attempt in attempts if attempt.judged and not attempt.passed)
    causes = {attempt.signature: attempt.cause for attempt in reversed(attempts)}
    rows = [[str(count), name, causes[name]] for name, count in counted.most_common()]
    _print_table(console, ("times", "failed by", "likely cause of the first"), rows)
    finished = [attempt for attempt in attempts if attempt.judged]
    passed = sum(attempt.passed for attempt in finished)
    left = f", {times - len(finished)} of {times} not run" if len(finished) < times else ""
    console.print(f"{passed} of {len(finished)} runs passed{left}{_durations(finished)}", soft_wrap=True)
    _print_place(console, directory)


def _durations(attempts: Sequence[Attempt]) -> str:
    seconds = [attempt.seconds for attempt in attempts if attempt.directory is not None]
    if not seconds:
        return ""
    return f"; they took {min(seconds):.1f} to {max(seconds):.1f} s, the median {median(seconds):.1f} s"


@dataclass(frozen=True, slots=True)
class FailedRun:
    """The last run that failed in one way."""

    directory: Path
    """Its directory."""
    signature: str
    """The way in which it failed."""
    times: int
    """How many runs of the same scenario have failed in this way."""


def failed_runs(runs_directory: Path) -> list[FailedRun]:
    """Return the last run of each way in which a scenario has failed on a deployer, the oldest first.

    Args:
        runs_directory: a directory of runs, or of directories that ``--repeat`` has made.
    """
    found: dict[tuple[str, str, str], FailedRun] = {}
    for _, key, directory in sorted(_failures(runs_directory)):
        before = found.pop(key, None)
        found[key] = FailedRun(directory, key[-1], 1 if before is None else before.times + 1)
    return list(found.values())


def _failures(runs_directory: Path) -> Iterator[tuple[float, tuple[str, str, str], Path]]:
    """Yield of each run that failed when it began; its scenario, deployer and way of failing; and its directory."""
    for pattern in (f"*/{JOURNAL_NAME}", f"*/*/{JOURNAL_NAME}"):
        for journal in runs_directory.glob(pattern):
            record = read_run(journal.parent)
            started = record.summary.started
            if started is not None and record.summary.kind not in {VerdictKind.PASSED, VerdictKind.INTERRUPTED, None}:
                yield record.began, (started.scenario, started.deployer, signature_of(record)), record.directory


def rerun_failed(
    failed: Sequence[FailedRun],
    settings: Settings,
    run: RunOn,
    *,
    runs_directory: Path,
) -> int:
    """Repeat failed runs, and tell which fail again in the same way.

    Args:
        failed: the runs.
        settings: the settings of the new runs.
        run: runs a scenario once on a deployer.
        runs_directory: gets a directory with all new runs.

    Returns:
        The exit code: 0 if all pass now, 1 if one does not, 128 + n if signal n ended them.

    Raises:
        DeployError: the runs directory cannot be used.
    """
    directory = _directory_of_runs(runs_directory, "rerun")
    rows: list[list[str]] = []
    code = PASSED
    try:
        for number, item in enumerate(failed, start=1):
            print(f"run {number} of {len(failed)}: repeats {item.directory}", file=sys.stderr, flush=True)
            text, again, exit_code = _rerun(item, settings, run, directory)
            rows.append([item.directory.name, item.signature, str(item.times), text, again])
            code = max(code, exit_code)
            if exit_code > _FIRST_SIGNAL:
                break
    except KeyboardInterrupt:
        code = INTERRUPTED
    console = _console()
    _print_table(console, ("run", "failed by", "times", "now", "directory"), rows)
    _print_place(console, directory)
    return code


def _rerun(item: FailedRun, settings: Settings, run: RunOn, directory: Path) -> tuple[str, str, int]:
    """Return what became of the new run, its directory, and the exit code."""
    try:
        scenario, deployer = load_replay(item.directory, settings), deployer_of(item.directory)
    except ScenarioError as error:
        return f"cannot be repeated: {error}", "-", FAILED
    attempt = _attempt(scenario, lambda place, given: run(place, given, deployer), directory)
    where = _name(attempt.directory)
    if not attempt.judged:
        return "interrupted", where, attempt.exit_code
    if attempt.passed:
        return "passes", where, attempt.exit_code
    same = attempt.signature == item.signature
    text = "fails again in the same way" if same else f"fails in another way: {attempt.signature}"
    return text, where, attempt.exit_code


def _name(run_directory: Path | None) -> str:
    # Not the whole path: a table would break it over several lines, so that nobody can copy it.
    return "-" if run_directory is None else run_directory.name


def _print_place(console: Console, directory: Path) -> None:
    console.print(f"runs: {directory}", soft_wrap=True)


def _console() -> Console:
    from rich.console import Console

    sys.stdout.flush()
    width = None if sys.stdout.isatty() else _PLAIN_WIDTH
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False, width=width)


def _print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table

    if not rows:
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(" ".join(plain_text(line) for line in cell.splitlines()) for cell in row))
    console.print(table)
