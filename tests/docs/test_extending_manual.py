"""docs/extending.md: its plugin loads, its scenario builds, and its other fault is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nomos_testing import load_scenario
from nomos_testing.registry import Kind
from nomos_testing.scenario.plugins import load_plugin
from support.repository.repository_copy import REPOSITORY

MANUAL = (REPOSITORY / "docs/extending.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the example, as a reader would save them."""
    (tmp_path / "my_checks.py").write_text(blocks("python")[0])
    (tmp_path / "my_scenario.yaml").write_text(blocks("yaml")[0])
    return tmp_path


def test_the_example_builds_with_its_own_words(folder: Path) -> None:
    scenario = load_scenario(folder / "my_scenario.yaml")
    assert [part.name for part in (*scenario.workloads, *scenario.expectations)] == [
        "ask_nodes", "faults", "blocks_at_least",
    ]  # fmt: skip
    assert [str(planned.fault) for planned in scenario.faults] == ["bad_line 0.05 s on validator-0 <-> every node"]
    assert scenario.network_control, "a fault of links brings it"


def test_the_fault_of_a_node_is_a_word(tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text(blocks("python")[1])
    (word,) = load_plugin(tmp_path / "more.py").words
    assert (word.kind, word.word) == (Kind.FAULT, "freeze_and_kill")


def test_the_entry_points_of_the_example_name_its_words(folder: Path) -> None:
    (toml,) = blocks("toml")
    named = re.findall(r"^(\w+) = \"my_package\.checks:(\w+)\"$", toml, re.MULTILINE)
    words = load_plugin(folder / "my_checks.py").words
    assert named == [(word.word, word.defined_by.__name__) for word in words]
