"""The run directory: one for each run, and what stays of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nomos_testing.runtime.run_directory import RunDirectory


def test_every_run_has_a_directory_of_its_own(tmp_path: Path) -> None:
    made = [RunDirectory.create(tmp_path / "runs", "demo") for _ in range(20)]
    assert len({run.path for run in made}) == 20
    assert re.fullmatch(r"demo-\d{8}-\d{6}-[0-9a-f]{4}", made[0].run_id)
    assert made[0].path.is_absolute()


@pytest.mark.parametrize("name", ["a/b", "../up", "a b", "", "..."])
def test_any_scenario_name_gives_a_plain_directory_name(tmp_path: Path, name: str) -> None:
    run = RunDirectory.create(tmp_path, name)
    assert run.path.parent == tmp_path
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run.run_id)


def test_pruning_keeps_configurations_journal_plan_and_reports(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "demo")
    run.write_plan({"seed": 1})
    run.journal.write_text("")
    (run.path / "report.html").write_text("")
    (run.path / "fork-server.log").write_text("")
    node = run.node("validator-0")
    (node / "validator.yaml").write_text("")
    (node / "stdout.log").write_text("")
    (node / "db").mkdir()
    (node / "db" / "chain.sqlite").write_text("")
    (node / "shortcut").symlink_to(tmp_path)
    run.prune()
    run.prune()
    left = sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*"))
    assert left == ["journal.jsonl", "plan.json", "report.html", "validator-0", "validator-0/validator.yaml"]
    assert tmp_path.exists()
    assert json.loads((run.path / "plan.json").read_text()) == {"seed": 1}
