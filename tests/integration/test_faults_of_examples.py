"""The examples with faults, run by the program as a user would; and a short soak of seeds and of killed runners."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nomos_testing.evidence.summary import summarise
from nomos_testing.journal.journal import read_journal
from support.processes.live_network import PROGRAMS, live_environment
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.network]

EXAMPLES = REPOSITORY / "examples"
SHORTER = {
    "run_for: {slots: 20}": "run_for: {slots: 10}",
    "seconds: 0.2\n": "seconds: 0.15\n",
    "active_slot_coeff: 0.4": "active_slot_coeff: 0.3",
}
"""The soak's scenario as it runs here: ten runs have to fit into a minute and a half."""


def shorter_soak(directory: Path) -> Path:
    text = (EXAMPLES / "soak.yaml").read_text()
    for long, short in SHORTER.items():
        assert long in text
        text = text.replace(long, short)
    path = directory / "soak.yaml"
    path.write_text(text)
    return path


def nomos_testing(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [PROGRAMS / "nomos-testing", *arguments]
    return subprocess.run(command, env=live_environment(**variables), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("example", "variables", "faults"),
    # Slots of half a second where the example leaves them to the environment; and since it takes seconds, not slots,
    # until a star's nodes have found its hub again, so few blocks that none of them makes k blocks alone meanwhile.
    [
        ("faults.yaml", {}, 6),
        ("restarts.yaml", {"CONSENSUS_SLOT_TIME": "0.5", "CONSENSUS_ACTIVE_SLOT_COEFF": "0.4"}, 6),
    ],
)
def test_an_example_passes_and_tells_the_recovery_of_each_fault(
    tmp_path: Path, example: str, variables: dict[str, str], faults: int
) -> None:
    ended = nomos_testing("run", EXAMPLES / example, "--runs-dir", tmp_path, **variables)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (journal,) = tmp_path.glob("*/journal.jsonl")
    told = list(summarise(read_journal(journal)).faults)
    assert len(told) == faults
    for fault in told:
        assert fault.recovered_slots is not None, fault
        assert f"{fault.number}: {fault.fault.split()[0]} " in ended.stdout
        assert f"recovered from fault {fault.number} after {fault.recovered_slots:g} slots" in ended.stderr


def test_a_replay_injects_the_very_same_faults(tmp_path: Path) -> None:
    first = nomos_testing("run", shorter_soak(tmp_path), "--seed", "3", "--runs-dir", tmp_path / "first")
    (run,) = (tmp_path / "first").iterdir()
    again = nomos_testing("replay", run, "--runs-dir", tmp_path / "again")
    planned = [re.findall(r"^ +\d+  at .*$", output, re.MULTILINE) for output in (first.stderr, again.stderr)]
    assert planned[0] == planned[1] != []
    (replayed,) = (tmp_path / "again").iterdir()
    for node in ("validator-0", "validator-1", "validator-2"):
        keys = [re.findall(r"node_key: .*", (place / node / "validator.yaml").read_text()) for place in (run, replayed)]
        assert keys[0] == keys[1] != []


def soak(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, REPOSITORY / "scripts/soak.py", *arguments]
    return subprocess.run(command, env=live_environment(), capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
def test_five_seeds_twice(tmp_path: Path) -> None:
    ended = soak("seeds", "--count", "5", "--scenario", shorter_soak(tmp_path), "--runs-dir", tmp_path / "runs")
    assert "0 with errors or leftovers" in ended.stdout, ended.stdout + ended.stderr
    found = re.search(r"^(\d) of 5 seeds came to the same verdict twice", ended.stdout, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= 4, ended.stdout


def test_killed_runners_leave_nothing(tmp_path: Path) -> None:
    ended = soak("kills", "--count", "3", "--runs-dir", tmp_path / "runs")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 of 3 killed runs" in ended.stdout
