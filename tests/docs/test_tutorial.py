"""docs/tutorial-own-checks.md: its code runs as it stands, on a network of real nodes, and fails where it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes.live_network import PROGRAMS, live_environment
from support.repository.repository_copy import REPOSITORY

TUTORIAL = (REPOSITORY / "docs/tutorial-own-checks.md").read_text()
BLOCK = re.compile(r"<!-- (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
"""A block of code with the name of the file that it belongs to."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The files that a reader has written at the end of the page."""
    blocks: dict[str, list[str]] = {}
    for name, text in BLOCK.findall(TUTORIAL):
        blocks.setdefault(name, []).append(text)
    for name, texts in blocks.items():
        (tmp_path / name).write_text("\n\n".join(texts))
    return tmp_path


def run_program(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    environment = live_environment(PATH=os.environ["PATH"])
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_every_block_of_code_belongs_to_a_file(files: Path) -> None:
    assert {file.name for file in files.iterdir()} == {"my_checks.py", "try_my_checks.py", "my_scenario.yaml"}
    assert TUTORIAL.count("```python") + TUTORIAL.count("```yaml") == len(BLOCK.findall(TUTORIAL))


@pytest.mark.slow
def test_the_code_is_formatted_and_typed(files: Path) -> None:
    for tool, *arguments in (
        ("ruff", "format", "--check", "--config", str(REPOSITORY / "pyproject.toml")),
        ("mypy", "--strict", "--config-file", ""),
    ):
        done = subprocess.run(
            [str(PROGRAMS / tool), *arguments, "my_checks.py", "try_my_checks.py"],
            cwd=files,
            env={**os.environ, "MYPYPATH": str(REPOSITORY / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_argument_is_refused_in_the_words_of_the_tutorial(files: Path) -> None:
    change(files / "try_my_checks.py", "Reads(rate=4)", "Reads(rate=0)")
    done = run_program(files, "try_my_checks.py")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] in TUTORIAL


def test_a_wrong_field_is_refused_in_the_words_of_the_tutorial(files: Path) -> None:
    change(files / "my_scenario.yaml", "share: 0.5", "share: 1.5")
    done = run_program(files, str(PROGRAMS / "nomos-testing"), "plan", "my_scenario.yaml")
    assert done.returncode == 1
    assert done.stderr.strip() in TUTORIAL


@pytest.mark.slow
@pytest.mark.network
def test_the_program_passes(files: Path) -> None:
    done = run_program(files, "try_my_checks.py")
    assert done.returncode == 0, done.stdout + done.stderr
    observed = dict(re.findall(r"^(\w+): observed (\d+),", done.stdout, re.MULTILINE))
    assert int(observed["blocks_carry_transactions"]) > 0
    assert "\npassed " in done.stdout
    (journal,) = (files / ".tmp/runs").glob("my-checks-*/journal.jsonl")
    assert re.search(r'"reads":[1-9]', journal.read_text())


@pytest.mark.slow
@pytest.mark.network
def test_the_program_fails_as_the_tutorial_says(files: Path) -> None:
    change(files / "try_my_checks.py", "share=0.5", "share=1.5")
    done = run_program(files, "try_my_checks.py")
    assert done.returncode == 1
    said = r"^failed expectations failed:\nblocks_carry_transactions: \d+ of \d+ blocks carry a transaction "
    assert re.search(said, done.stdout, re.MULTILINE), done.stdout
    assert re.search(said, TUTORIAL, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.network
def test_the_scenario_file_passes(files: Path) -> None:
    done = run_program(files, str(PROGRAMS / "nomos-testing"), "run", "my_scenario.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my-checks-in-a-file passed" in done.stdout
