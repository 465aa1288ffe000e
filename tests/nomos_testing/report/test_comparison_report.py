"""A comparison is told in sentences, tables and plots, and texts of runs have no meaning in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nomos_testing.cli.main import main
from nomos_testing.evidence.comparison import Difference, Finding
from nomos_testing.journal.events import BlockSeen, NodeSample, PhaseEnded, PhaseStarted, Sample, TipChanged
from nomos_testing.percentiles import Percentiles
from nomos_testing.report.comparison_text import statement
from support.inputs.written_run import started, written_run

LATENCY = Difference(
    measure="latency of transactions",
    unit="s",
    before="A",
    after="B",
    first=Percentiles(3.1, 4.0, 5.0, 50),
    second=Percentiles(4.9, 6.0, 7.0, 50),
    statistic="p50",
    typical=(3.1, 4.9),
    ratio=4.9 / 3.1,
    chance=1e-5,
    finding=Finding.BEYOND_NOISE,
)


def a_run(directory: Path, interval: int, scenario: str = "mesh") -> Path:
    """Write a run with a block every ``interval`` slots of half a second."""
    events = [
        (0.0, replace(started(directory), scenario=scenario)),
        (2.0, PhaseStarted("run", 60.0)),
        (62.0, PhaseEnded("run", 60.0)),
    ]
    for height in range(1, 31):
        at, slot = 2.0 + height * interval / 2, height * interval
        block, parent = f"b{height}", f"b{height - 1}"
        seen = BlockSeen(block=block, parent=parent, slot=slot, height=height, transactions=0, node="validator-0")
        events.append((at, seen))
        events.append((at + 0.1, TipChanged(node="validator-1", tip=block, height=height, slot=slot)))
        events.append((at, Sample({"validator-0": NodeSample(cpu=0.1, memory_bytes=50_000_000)}, {})))
    return written_run(directory, events).directory


def ran(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, "latency of transactions, p50 (A -> B): 3.1 s -> 4.9 s, 1.58 times; beyond noise"),
        (
            {"finding": Finding.WITHIN_NOISE, "chance": 0.25},
            "latency of transactions, p50 (A -> B): 3.1 s -> 4.9 s, 1.58 times; within noise (p = 0.25)",
        ),
        ({"typical": None, "second": None}, "latency of transactions: not measured in B"),
        (
            {"typical": (0.0, 0.2), "ratio": float("inf"), "statistic": "average"},
            "latency of transactions, average (A -> B): 0 s -> 200 ms, from nothing; beyond noise",
        ),
    ],
)
def test_a_difference_is_a_plain_sentence(changed: dict[str, object], sentence: str) -> None:
    assert statement(replace(LATENCY, **changed)) == sentence  # type: ignore[arg-type]


def test_the_terminal_has_the_differences_first_and_then_the_tables(tmp_path: Path) -> None:
    result = ran("--compare", a_run(tmp_path / "a", 1), a_run(tmp_path / "b", 2))
    first, second, *rest = result.stdout.splitlines()
    assert (result.exit_code, first) == (0, "1 difference is beyond noise, of B from A:")
    assert second == "  time between blocks, p50 (A -> B): 500 ms -> 1 s, 2 times; beyond noise"
    assert any(line.split()[:3] == ["A", "a", "mesh"] for line in rest)


def test_markdown_has_the_same_and_texts_of_runs_stay_code(tmp_path: Path) -> None:
    hostile = a_run(tmp_path / "b", 2, "<script> [x](y) | @team")
    text = ran("--compare", a_run(tmp_path / "a", 1), hostile, "--format", "md").stdout
    assert "- time between blocks, p50 (A -> B): 500 ms -> 1 s, 2 times; beyond noise\n" in text
    assert "- note: `A and B have different scenarios: mesh, <script> [x](y) | @team`" in text
    assert r"| `<script> [x](y) \| @team` |" in text


def test_json_has_every_difference_with_its_sentence(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name, interval) for name, interval in (("a", 1), ("b", 2), ("c", 1))]
    values = json.loads(ran("--compare", *runs, "--format", "json").stdout)
    assert [run["label"] for run in values["runs"]] == ["A", "B", "C"]
    beyond = [item for item in values["differences"] if item["finding"] == "beyond noise"]
    assert [(item["before"], item["after"], item["ratio"]) for item in beyond] == [("A", "B", 2.0)]


def test_html_draws_all_runs_over_each_other(tmp_path: Path) -> None:
    hostile = a_run(tmp_path / "b", 2, "<script>alert(1)</script>")
    text = ran("--compare", hostile, a_run(tmp_path / "a", 1), "--format", "html").stdout
    assert "<script" not in text
    for title in ("Height of the highest node", "Propagation of blocks to all nodes", "Memory, average of all nodes"):
        assert f'aria-label="{title}' in text
    assert "<title>A</title>" in text
    assert "<title>B</title>" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--compare", "a"], "--compare needs at least two runs"),
        (["--compare", "a", "b", "--format", "junit"], "--format html, md or json"),
        (["a", "b"], "--compare compares them"),
        ([], "Missing argument 'RUN_DIR...'"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], problem: str) -> None:
    result = ran(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
