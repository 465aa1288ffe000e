"""Several runs: their seeds, when they stop, how ways of failing are counted, and how failed runs are repeated."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from nomos_testing import ScenarioBuilder
from nomos_testing.cli.main import main
from nomos_testing.cli.repeat import failed_runs, repeat, rerun_failed
from nomos_testing.diagnosis.diagnose import signature_of
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import RunEnded
from nomos_testing.outcome import VerdictKind
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from support.inputs.stored_run import left_by
from support.inputs.written_run import failed_expectation, judged_run, started, written_run
from support.processes.fake_node_processes import FAKE_ANSWER
from support.processes.live_network import PROGRAMS, live_environment


def load(seed: int | None) -> Scenario:
    """Build a scenario whose own seed is 5."""
    return (
        ScenarioBuilder.topology(validators=1)
        .named("small")
        .seed(5 if seed is None else seed)
        .run_for(seconds=5)
        .build()
    )


class Runs:
    """Runs that end as they are told, with journals of their own."""

    def __init__(self, ends: Sequence[str]) -> None:
        self.ends = list(ends)
        self.seeds: list[int] = []

    def __call__(self, directory: Path, scenario: Scenario) -> int:
        place = directory / f"run-{len(self.seeds)}"
        self.seeds.append(scenario.seed)
        end = self.ends[len(self.seeds) - 1]
        if end == "passed":
            judged_run(place, [], kind=VerdictKind.PASSED)
            return 0
        if end == "interrupted":
            written_run(place, [(0.0, started(place)), (1.0, RunEnded("interrupted", "SIGINT"))])
            return 130
        if end == "ctrl-c before it":
            raise KeyboardInterrupt
        if end != "could not run":
            judged_run(place, [], [failed_expectation(end, "too few blocks")])
        return 1


def repeated(
    directory: Path, ends: Sequence[str], *, times: int = 0, until_failure: bool = False, same_seed: bool = False
) -> tuple[int, Runs]:
    runs = Runs(ends)
    code = repeat(
        load, runs, times=times or len(ends), until_failure=until_failure, same_seed=same_seed, runs_directory=directory
    )
    return code, runs


def test_the_first_run_has_the_scenarios_seed_and_the_others_follow_from_it(tmp_path: Path) -> None:
    code, runs = repeated(tmp_path / "a", ["passed"] * 4)
    _, again = repeated(tmp_path / "b", ["passed"] * 4)
    assert (code, runs.seeds[0], len(set(runs.seeds))) == (0, 5, 4)
    assert again.seeds == runs.seeds


def test_all_runs_can_have_one_seed(tmp_path: Path) -> None:
    assert repeated(tmp_path, ["passed"] * 3, same_seed=True)[1].seeds == [5, 5, 5]


def test_ways_of_failing_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = repeated(tmp_path, ["liveness", "passed", "forks", "liveness"])
    out, err = capsys.readouterr()
    assert code == 1
    assert "run 2 of 4, seed " in err
    assert "1 of 4 runs passed; they took 35.0 to 35.0 s, the median 35.0 s\n" in out
    rows = re.findall(r"^ (\d) +(failed; \w+)", out.partition("failed by")[2], re.MULTILINE)
    assert rows == [("2", "failed; liveness"), ("1", "failed; forks")]


def test_the_place_of_the_runs_is_in_one_line_also_if_it_is_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / ("long" * 40)
    place.mkdir()
    repeated(place, ["passed"])
    *_, end = capsys.readouterr().out.splitlines()
    (made,) = place.iterdir()
    assert end == f"runs: {made}"


def test_runs_stop_at_the_first_failure_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, runs = repeated(tmp_path, ["passed", "liveness"], times=9, until_failure=True)
    assert (code, len(runs.seeds)) == (1, 2)
    assert "1 of 2 runs passed, 7 of 9 not run" in capsys.readouterr().out


def test_an_interrupted_run_ends_all_and_counts_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, runs = repeated(tmp_path, ["passed", "interrupted"], times=9)
    assert (code, len(runs.seeds)) == (130, 2)
    assert "1 of 1 runs passed, 8 of 9 not run" in capsys.readouterr().out


def test_ctrl_c_between_two_runs_prints_the_table_so_far(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert repeated(tmp_path, ["passed", "ctrl-c before it"], times=9)[0] == 130
    assert "1 of 1 runs passed, 8 of 9 not run" in capsys.readouterr().out


def test_where_nothing_can_run_there_is_one_attempt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, runs = repeated(tmp_path, ["could not run"], times=9)
    assert (code, len(runs.seeds)) == (1, 1)
    assert "could not run" in capsys.readouterr().out


def a_failed_run(directory: Path, name: str, *, scenario: str = "written", at: int = 0) -> RunRecord:
    """Write a failed run; ``at`` orders the runs in time."""
    record = judged_run(directory, [], [failed_expectation(name, "no")])
    lines = (directory / "journal.jsonl").read_text().replace('"scenario":"written"', f'"scenario":"{scenario}"')
    (directory / "journal.jsonl").write_text(re.sub(r'"time":"\d{4}', f'"time":"{2000 + at}', lines))
    return record


def test_of_each_way_of_failing_the_last_run_is_repeated(tmp_path: Path) -> None:
    record = a_failed_run(tmp_path / "z-first", "liveness", at=1)
    a_failed_run(tmp_path / "set" / "a-last", "liveness", at=3)
    a_failed_run(tmp_path / "other-way", "forks", at=2)
    a_failed_run(tmp_path / "other-scenario", "liveness", scenario="mesh", at=4)
    judged_run(tmp_path / "passed", [], kind=VerdictKind.PASSED)
    written_run(tmp_path / "interrupted", [(0.0, started(tmp_path)), (1.0, RunEnded("interrupted", "SIGINT"))])
    found = failed_runs(tmp_path)
    assert [(item.directory.name, item.times) for item in found] == [
        ("other-way", 1),
        ("a-last", 2),
        ("other-scenario", 1),
    ]
    assert found[1].signature == signature_of(record)


@pytest.mark.parametrize(
    ("end", "now", "code"),
    [
        ("liveness", "fails again in the same way", 1),
        ("forks", "fails in another way: failed; forks", 1),
        ("passed", "passes", 0),
        ("interrupted", "interrupted", 130),
    ],
)
def test_a_repeated_run_is_compared_with_the_failed_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: str, now: str, code: int
) -> None:
    stored = left_by(load(7), tmp_path / "runs")
    (record,) = [judged_run(stored, [], [failed_expectation("liveness", "too few blocks")])]
    runs, places = Runs([end]), []

    def run(directory: Path, scenario: Scenario, deployer: str) -> int:
        places.append(deployer)
        return runs(directory, scenario)

    failed = failed_runs(tmp_path / "runs")
    assert [item.signature for item in failed] == [signature_of(record)]
    assert rerun_failed(failed, Settings(), run, runs_directory=tmp_path / "new") == code
    assert (runs.seeds, places) == ([7], ["local"])
    assert now in " ".join(capsys.readouterr().out.split())


def test_a_run_that_cannot_be_repeated_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_failed_run(tmp_path / "run", "liveness")

    def run(directory: Path, scenario: Scenario, deployer: str) -> int:
        raise AssertionError("it has no plan")

    assert rerun_failed(failed_runs(tmp_path), Settings(), run, runs_directory=tmp_path / "new") == 1
    assert "cannot be repeated" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Missing argument 'SCENARIO.yaml'"),
        (["a.yaml", "--until-failure"], "need --repeat"),
        (["a.yaml", "--same-seed"], "need --repeat"),
        (["a.yaml", "--repeat", "0"], "0 is not in the range"),
        (["a.yaml", "--rerun-failed", "."], "give neither a scenario nor --repeat"),
        (["--repeat", "2", "--rerun-failed", "."], "give neither a scenario nor --repeat"),
        (["a.yaml", "--repeat", "2", "--live"], "--live is for one run"),
        (["a.yaml", "--repeat", "2", "--keep"], "--keep is for one run"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_directory_without_failed_runs_is_no_failure(tmp_path: Path) -> None:
    judged_run(tmp_path / "passed", [], kind=VerdictKind.PASSED)
    result = CliRunner().invoke(main, ["run", "--rerun-failed", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (0, f"no failed run in {tmp_path}\n")


@pytest.mark.parametrize("failed_before", [False, True], ids=["repeat", "rerun-failed"])
def test_a_runs_directory_that_cannot_be_made_is_explained(tmp_path: Path, failed_before: bool) -> None:
    program(tmp_path, "exit 3")
    (tmp_path / "file").touch()
    runs = tmp_path / "file" / "runs"
    a_failed_run(tmp_path / "old" / "run", "liveness")
    repetition = (
        ["--rerun-failed", str(tmp_path / "old")]
        if failed_before
        else [str(tmp_path / "scenario.yaml"), "--repeat", "2"]
    )
    result = CliRunner().invoke(main, ["run", *repetition, "--runs-dir", str(runs)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"the runs directory {runs} cannot be used: Not a directory\n")


def program(place: Path, body: str) -> Path:
    """Write a scenario and a node program beside it."""
    (place / "scenario.yaml").write_text("name: dies\ntopology: {validators: 2}\nrun_for: 5\nseed: 4\n")
    node = place / "node"
    node.write_text(f"#!/bin/sh\n{FAKE_ANSWER}\n{body}\n")
    node.chmod(0o755)
    return node


def running(place: Path, node: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(PROGRAMS / "nomos-testing"), "run", *arguments],
        cwd=place,
        env=live_environment(NOMOS_NODE_BIN=str(node)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_the_program_repeats_runs_and_repeats_the_failed_ones(tmp_path: Path) -> None:
    node = program(tmp_path, "echo 'the last words' >&2\nexit 3")
    with running(tmp_path, node, "scenario.yaml", "--repeat", "2", "--runs-dir", "runs") as first:
        out, err = first.communicate(timeout=120)
    assert first.returncode == 1, err
    assert "run 1 of 2, seed 4\n" in err
    assert "0 of 2 runs passed" in out
    assert len(list((tmp_path / "runs").glob("dies-repeat-*/dies-*/journal.jsonl"))) == 2
    with running(tmp_path, node, "--rerun-failed", "runs", "--runs-dir", "new") as again:
        out, err = again.communicate(timeout=120)
    assert again.returncode == 1, err
    assert "fails again in the same way" in " ".join(out.split())
    assert len(list((tmp_path / "new").glob("rerun-*/dies-*/journal.jsonl"))) == 1


@pytest.mark.slow
def test_ctrl_c_ends_the_run_in_order_and_prints_the_table_so_far(tmp_path: Path) -> None:
    # The nodes of the first run end; those of the second one hang.
    runs = f"{tmp_path}/runs/dies-repeat-*/dies-*"
    node = program(tmp_path, f"[ $(ls -d {runs} | wc -l) = 1 ] && exit 3\ntouch '{tmp_path}/hangs'\nexec sleep 600")
    with running(tmp_path, node, "scenario.yaml", "--repeat", "3", "--runs-dir", "runs") as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "hangs").exists():
            assert process.poll() is None, "it ended before the second run"
            assert time.monotonic() < deadline, "no node of the second run was started"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "0 of 1 runs passed, 2 of 3 not run" in out
