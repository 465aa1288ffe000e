"""Runs with plugin files repeated from what they left: with the copies, and not without them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from nomos_testing import load_scenario
from nomos_testing.scenario.replay import ReplayError, load_replay
from support.inputs.idle_plugin import idle_plugin
from support.inputs.stored_run import left_by


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose scenario has two plugins of one name, in a directory that holds nothing else."""
    for folder, word in (("a", "idle"), ("b", "doze")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "checks.py").write_text(idle_plugin(word))
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "plugins: [a/checks.py, b/checks.py]\nrun_for: 60\nworkloads: [{idle: {rounds: 2}}, {doze: {}}]\n"
    )
    run = left_by(load_scenario(scenario), tmp_path / "runs")
    for folder in "ab":
        (tmp_path / folder / "checks.py").unlink()
    return run


def test_a_run_keeps_its_plugins_and_is_replayed_with_them(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == ["checks-2.py", "checks.py", "plan.json", "scenario.yaml"]
    stored = yaml.safe_load((run / "scenario.yaml").read_text())
    assert (stored["plugins"], stored["workloads"]) == (
        ["checks.py", "checks-2.py"], [{"idle": {"rounds": 2}}, {"doze": {"rounds": 1}}],
    )  # fmt: skip
    again = load_replay(run)
    assert again.notices == ()
    assert again.source.document == load_scenario(run / "scenario.yaml").source.document == stored


def test_a_replay_says_that_a_plugin_was_changed(run: Path) -> None:
    (run / "checks.py").write_text(idle_plugin(rounds=5))
    assert load_replay(run).notices == (
        f"{run / 'checks.py'} was changed after the run; the replay uses it as it is now",
    )


def test_a_replay_without_its_plugin_says_what_is_missing(run: Path) -> None:
    (record,) = [item for item in json.loads((run / "plan.json").read_text())["plugins"] if item["file"] == "checks.py"]
    (run / "checks.py").unlink()
    with pytest.raises(ReplayError) as caught:
        load_replay(run)
    assert str(caught.value) == (
        f"{run} cannot be replayed: its plugin checks.py is missing; it was copied from "
        f"{run.parents[1] / 'a/checks.py'} (SHA-256 {record['sha256']})"
    )


@pytest.mark.parametrize("plugins", [[3], [{"file": "checks.py"}], [{"file": 1, "copied_from": "", "sha256": ""}]])
def test_a_record_edited_into_nonsense_is_refused(run: Path, plugins: list[object]) -> None:
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps(plan | {"plugins": plugins}))
    with pytest.raises(ReplayError, match=r"plugins\.0: expected an object with the texts file, copied_from, sha256"):
        load_replay(run)


def test_a_run_of_an_earlier_version_is_replayed(run: Path) -> None:
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps({key: plan[key] for key in plan.keys() - {"plugins", "packages"}}))
    assert [workload.name for workload in load_replay(run).workloads] == ["idle", "idle"]
