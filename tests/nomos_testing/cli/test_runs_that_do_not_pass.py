"""Runs that do not pass, from the command line's side: what a person sees of a bug and of a failure, and how often."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nomos_testing.journal.events import ExceptionRaised, RunEnded
from nomos_testing.journal.journal import JOURNAL_NAME, read_journal
from nomos_testing.runtime.run_directory import REPORT_NAME
from support.processes.fake_node_processes import fake_environment

PROGRAM = """
import sys
from pathlib import Path

from nomos_testing.cli.run_and_report import run_and_report
from nomos_testing import ExpectationFailed, Settings
from support.processes.fake_node_scenario import fake_deployer, fake_scenario


class Load:
    name = "load"

    def expectations(self):
        return ()

    def prepare(self, plan):
        pass

    async def run(self, ctx):
        if sys.argv[2] == "buggy":
            return {}["missing"]


class Judge:
    name = "judge"

    def prepare(self, plan):
        pass

    async def capture(self, ctx):
        pass

    async def evaluate(self, ctx):
        raise ExpectationFailed("3 below 5", observed=3, required=5)


sys.exit(
    run_and_report(
        fake_scenario(seconds=0.3, workloads=[Load()], expectations=[Judge()]),
        Settings(pol_proof_dev_mode=True),
        lambda listener: fake_deployer(Path(sys.argv[1]), listeners=[listener]),
        what="fake",
    )
)
"""


def ran(directory: Path, mode: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    program = directory / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(directory), mode]
    return subprocess.run(command, env=fake_environment(), capture_output=True, text=True, check=False), program


@pytest.mark.slow
def test_a_bug_is_told_once_with_file_and_line_and_ends_with_one(tmp_path: Path) -> None:
    run, program = ran(tmp_path, "buggy")
    line = PROGRAM.splitlines().index('            return {}["missing"]') + 1
    assert run.returncode == 1
    assert run.stderr.count(f'File "{program}", line {line}, in run') == 1, run.stderr
    assert run.stderr.count("workload load raised KeyError: 'missing'") == 1, run.stderr
    assert "verdict: errored (user's code)" in run.stderr
    assert run.stdout.splitlines()[0] == "verdict: errored (user's code) (load)"
    assert run.stdout.rstrip().endswith("fake errored (user's code): workload failure: load: KeyError: 'missing'")
    assert f"workload load raised KeyError: 'missing' ({program}:{line} in run)" in run.stdout
    (journal,) = (tmp_path / "runs").glob(f"*/{JOURNAL_NAME}")
    events = [entry.event for entry in read_journal(journal)]
    (raised,) = [event for event in events if isinstance(event, ExceptionRaised)]
    assert f'File "{program}", line {line}, in run' in raised.traceback
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "errored"


@pytest.mark.slow
def test_why_a_run_failed_is_printed_once_under_the_scenarios_name(tmp_path: Path) -> None:
    run, _ = ran(tmp_path, "failing")
    assert run.returncode == 1
    assert (run.stdout + run.stderr).count("3 below 5") == 1, run.stdout + run.stderr
    assert run.stdout.rstrip().endswith("fake failed: expectations failed:\njudge: 3 below 5")
    (report,) = (tmp_path / "runs").glob(f"*/{REPORT_NAME}")
    assert run.stdout.splitlines().count(f"report: {report}") == 1, run.stdout
