"""Command lines of the real programs: exit codes and what they print."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nomos_node.command_line import main
from support.inputs.golden import Golden, entries, golden_path


@pytest.fixture
def in_config_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("validator.yaml", "executor.yaml"):
        shutil.copy(golden_path(name), tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_config_directory")
@pytest.mark.parametrize("case", entries("bad_configs.json", "command_line"))
def test_command_line(case: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = case["args"].value
    if arguments == ["--help"]:
        case.not_compared("the real programs have no help; ours do")
        assert main(case["binary"].value, arguments) == 0
        return
    assert main(case["binary"].value, arguments) == case["exit_code"].value
    printed = capsys.readouterr()
    assert printed.out == case["stdout"].value
    _check_errors(printed.err, case["stderr"].value)


def _check_errors(ours: str, theirs: str) -> None:
    """The real programs' sentence is part of ours, without the place in their source; ours says more."""
    sentence = theirs.partition("\n")[0]
    if "os error" in sentence:
        assert ours == f"Error: missing.yaml: {sentence.removeprefix('Error: ')}\n"
    else:
        assert ours.startswith(sentence)
        assert bool(ours) == bool(theirs)
