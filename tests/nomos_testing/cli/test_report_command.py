"""``nomos-testing report`` writes each form, and says why where there is no run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nomos_testing.cli.main import main
from support.inputs.written_run import failed_expectation, judged_run


def ran(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    return judged_run(tmp_path / "run", [], [failed_expectation("liveness", "3 blocks")]).directory


@pytest.mark.parametrize(
    ("form", "start"), [("html", "<!doctype html>"), ("md", "## `written`"), ("json", "{"), ("junit", "<?xml")]
)
def test_each_form_is_printed(run_directory: Path, form: str, start: str) -> None:
    result = ran(run_directory, "--format", form)
    assert (result.exit_code, result.stdout.lstrip().lower()[: len(start)]) == (0, start)


def test_a_report_is_written_to_a_file(run_directory: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    result = ran(run_directory, "--format", "json", "--output", output)
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(output.read_text())["run"]["scenario"] == "written"


def test_a_file_that_cannot_be_written_is_named(run_directory: Path, tmp_path: Path) -> None:
    result = ran(run_directory, "--output", tmp_path / "missing" / "report.md")
    assert result.exit_code == 1
    assert "missing/report.md cannot be written: No such file or directory" in result.stderr


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    result = ran(tmp_path)
    assert result.exit_code == 1
    assert "is no run directory" in result.stderr
