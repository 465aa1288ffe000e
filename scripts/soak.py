#!/usr/bin/env python3
"""Runs a scenario with faults again and again, to find what one run does not show.

``soak.py seeds`` runs seed after seed, each twice: no run may end in an error of the framework or leave anything
running, and nineteen in twenty must come to the same verdict both times. ``soak.py kills`` kills the runner (SIGKILL)
at random instants: within five seconds nothing of the run may be left but its evidence. Exit code 0 when that held.

Every process of a run is found, also one with a session of its own: orphans are handed to this process, as their
subreaper. Run it with the project's Python (``.venv/bin/python scripts/soak.py seeds --count 30``).
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from nomos_testing.evidence.summary import RunSummary, summarise
from nomos_testing.journal.journal import read_journal

SCENARIO = Path(__file__).parents[1] / "examples" / "soak.yaml"
GONE_WITHIN = 5.0
LONGEST_RUN = 180.0
SAME_VERDICTS = 0.95
_PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["seeds", "kills"])
    parser.add_argument("--count", type=int, help="of seeds (default 100) or kills (default 30)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first seed")
    parser.add_argument("--scenario", type=Path, default=SCENARIO)
    parser.add_argument("--runs-dir", type=Path, help="a new temporary directory by default")
    arguments = parser.parse_args()
    _adopt_orphans()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    runs = arguments.runs_dir or Path(tempfile.mkdtemp(prefix="nomos-soak-"))
    soak = Soak(arguments.scenario, runs)
    print(f"runs are kept in {runs}", flush=True)
    if arguments.what == "seeds":
        return try_seeds(soak, range(arguments.first, arguments.first + (arguments.count or 100)))
    return kill_runners(soak, random.Random(arguments.first), arguments.count or 30)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run."""

    passed: bool
    failed: tuple[str, ...]
    """The expectations that did not hold."""
    error: str | None
    """What went wrong beside them."""
    left: tuple[str, ...]
    directory: Path | None

    @property
    def verdict(self) -> tuple[bool, tuple[str, ...]]:
        return self.passed, self.failed

    def __str__(self) -> str:
        text = "passed" if self.passed else f"error: {self.error}" if self.error else f"failed {', '.join(self.failed)}"
        return text + "".join(f"; left behind: {process}" for process in self.left)


@dataclass(frozen=True, slots=True)
class Soak:
    scenario: Path
    runs: Path

    @contextmanager
    def runner(self, seed: int, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A runner in a session of its own, killed at the end: also when the soak is interrupted."""
        directory.mkdir(parents=True)
        program = Path(sys.executable).with_name("nomos-testing")
        command: list[str | Path] = [program, "run", self.scenario, "--seed", str(seed), "--runs-dir", directory]
        with (directory / "output.txt").open("wb") as output:
            environment = os.environ | {"POL_PROOF_DEV_MODE": "true"}
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def run(self, seed: int, attempt: int) -> Outcome:
        directory = self.runs / f"seed-{seed}-{attempt}"
        with self.runner(seed, directory) as runner, suppress(subprocess.TimeoutExpired):
            runner.wait(LONGEST_RUN)
        summary = summary_of(directory)
        left = tuple(processes_left())
        if summary is None:
            return Outcome(False, (), f"no journal; see {directory / 'output.txt'}", left, None)
        failed = tuple(judged.expectation for judged in summary.judgements if not judged.passed)
        passed = summary.outcome == "passed" and runner.returncode == 0
        error = None if passed or failed else summary.failure or f"{summary.outcome}, exit code {runner.returncode}"
        return Outcome(passed, failed, error, left, run_in(directory))


def try_seeds(soak: Soak, seeds: Sequence[int]) -> int:
    same = errors = 0
    for seed in seeds:
        first, second = (soak.run(seed, attempt) for attempt in (1, 2))
        same += first.verdict == second.verdict
        errors += any(outcome.error or outcome.left for outcome in (first, second))
        if first.verdict == second.verdict and first.passed:
            print(f"seed {seed}: passed twice", flush=True)
        else:
            print(f"seed {seed}: {first} ({first.directory}), then {second} ({second.directory})", flush=True)
    print(f"{same} of {len(seeds)} seeds came to the same verdict twice, {errors} with errors or leftovers")
    return int(bool(errors) or same < SAME_VERDICTS * len(seeds))


def kill_runners(soak: Soak, rng: random.Random, count: int) -> int:
    """The instants are spread over a whole run, from its start to its end."""
    directory = soak.runs / "whole"
    began = time.monotonic()
    with soak.runner(0, directory) as runner:
        runner.wait(LONGEST_RUN)
    whole = time.monotonic() - began
    bad = 0
    for number in range(1, count + 1):
        instant = rng.uniform(0.0, whole)
        findings = list(_kill_one(soak, number, instant))
        bad += bool(findings)
        print(f"kill {number} after {instant:.2f} s: {'; '.join(findings) or 'nothing left'}", flush=True)
    print(f"{count - bad} of {count} killed runs of {whole:.1f} s left nothing but their evidence")
    return int(bool(bad))


def _kill_one(soak: Soak, number: int, instant: float) -> Iterator[str]:
    """What was wrong afterwards."""
    directory = soak.runs / f"kill-{number}"
    with soak.runner(number, directory) as runner:
        time.sleep(instant)  # the instant is the point
        over = runner.poll() is not None
    yield from (f"left behind: {process}" for process in processes_left())
    run = run_in(directory)
    if run is not None and not over:
        summary = summary_of(directory)
        if summary is None or summary.outcome not in {"killed", "passed"}:
            yield f"{run}: the journal does not say how it ended ({summary.outcome if summary else 'no journal'})"
        configurations = {path.parent.name for path in run.glob("*/*.yaml")}
        if summary is not None and not configurations >= set(summary.nodes):
            yield f"{run}: evidence of {', '.join(sorted(set(summary.nodes) - configurations))} is missing"


def run_in(directory: Path) -> Path | None:
    return next((path.parent for path in directory.glob("*/journal.jsonl")), None)


def summary_of(directory: Path) -> RunSummary | None:
    run = run_in(directory)
    return None if run is None else summarise(read_journal(run / "journal.jsonl"))


def processes_left() -> list[str]:
    """Describe the descendants that are there after the time of grace, and kill them."""
    deadline = time.monotonic() + GONE_WITHIN
    while (left := _descendants()) and time.monotonic() < deadline:
        time.sleep(0.02)
    described = [f"{process.pid} {' '.join(process.cmdline()) or process.name()}" for process in left]
    for process in left:
        process.kill()
    return described


def _descendants() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
            elif process.ppid() == os.getpid():
                os.waitpid(process.pid, os.WNOHANG)
        except (psutil.NoSuchProcess, ChildProcessError):
            continue
    return found


def _adopt_orphans() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


if __name__ == "__main__":
    sys.exit(main())
