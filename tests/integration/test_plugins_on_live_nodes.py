"""The example of docs/extending.md, run and replayed by the program on real embedded nodes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from nomos_testing.faults.fault_events import FaultInjected, HealVerified
from nomos_testing.journal.events import ExpectationJudged, Sample
from nomos_testing.journal.journal import read_journal
from support.processes.live_network import PROGRAMS, live_environment
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.network]

MANUAL = (REPOSITORY / "docs/extending.md").read_text()


def nomos_testing(*arguments: str | Path) -> None:
    command = [PROGRAMS / "nomos-testing", *arguments]
    ended = subprocess.run(command, env=live_environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def check_the_words_worked(run: Path) -> None:
    events = [entry.event for entry in read_journal(run / "journal.jsonl")]
    assert [event.fault for event in events if isinstance(event, FaultInjected)] == [
        "bad_line 0.05 s on validator-0 <-> every node"
    ]
    assert [event.verified for event in events if isinstance(event, HealVerified)] == [True]
    (judged,) = [event for event in events if isinstance(event, ExpectationJudged)]
    assert (judged.expectation, judged.passed) == ("blocks_at_least", True)
    assert max(event.counters.get("questions", 0) for event in events if isinstance(event, Sample)) > 1


def test_the_words_of_a_plugin_work_in_a_run_and_in_its_replay(tmp_path: Path) -> None:
    (tmp_path / "my_checks.py").write_text(re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)[0])
    (tmp_path / "my_scenario.yaml").write_text(re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)[0])
    nomos_testing("run", tmp_path / "my_scenario.yaml", "--runs-dir", tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    check_the_words_worked(run)
    (tmp_path / "my_checks.py").unlink()  # the run has a copy
    nomos_testing("replay", run, "--runs-dir", tmp_path / "replays")
    (replay,) = (tmp_path / "replays").iterdir()
    check_the_words_worked(replay)
