"""The last lines of a node's log before a moment are read from files of any size."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nomos_testing.evidence.node_logs import read_log
from nomos_testing.live.log_window import log_window
from support.inputs.live_journals import BEGAN

NODE = "validator-0"


def line(at: float, text: str, level: str = "INFO") -> str:
    return f"{datetime.fromtimestamp(BEGAN + at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}  {level} nomos_chain: {text}\n"


def write(directory: Path, name: str, *lines: str) -> None:
    (directory / NODE).mkdir(exist_ok=True)
    (directory / NODE / name).write_text("".join(lines))


def texts(directory: Path, until: float = 1e9, limit: int = 100, search: str = "") -> list[str]:
    found = log_window(directory, NODE, BEGAN, until=until, limit=limit, search=search)
    return [item.text for item in found]


def test_the_files_of_a_node_are_merged_and_cut_at_the_moment(tmp_path: Path) -> None:
    write(tmp_path, "__logs.2026-01-01-00", line(1, "first"), "  a line without a time\n", line(3, "third"))
    write(tmp_path, "stdout.log", line(2, "second"), line(4, "fourth"))
    assert texts(tmp_path, until=3.5) == ["first", "  a line without a time", "second", "third"]
    assert texts(tmp_path, limit=2) == ["third", "fourth"]
    assert texts(tmp_path, until=0.5) == []


def test_a_search_finds_text_level_and_part_in_any_case(tmp_path: Path) -> None:
    write(tmp_path, "node.log", line(1, "Block applied"), line(2, "peer lost", "WARN"), line(3, "block orphaned"))
    assert texts(tmp_path, search="BLOCK") == ["Block applied", "block orphaned"]
    assert texts(tmp_path, search="warn") == ["peer lost"]
    assert texts(tmp_path, search="nomos_chain", limit=1) == ["block orphaned"]


def test_a_node_without_logs_has_no_lines(tmp_path: Path) -> None:
    assert texts(tmp_path) == []


@pytest.mark.parametrize("until", [0.0, 0.35, 1234.5, 9999.9, 1e9])
def test_a_long_log_gives_the_same_lines_as_reading_all_of_it(tmp_path: Path, until: float) -> None:
    lines = [line(number / 10, f"line {number} {'x' * (number % 200)}") for number in range(20_000)]
    lines[5000:5000] = [f"  frame {number} of a long traceback\n" for number in range(2000)]
    write(tmp_path, "node.log", *lines)
    read = [item for item in read_log(tmp_path / NODE / "node.log", NODE, BEGAN) if item.at <= until]
    assert texts(tmp_path, until=until) == [item.text for item in read[-100:]]


def test_a_window_reads_a_small_part_of_a_log(tmp_path: Path) -> None:
    write(tmp_path, "node.log", *(line(number / 10, "y" * 100) for number in range(200_000)))
    size = (tmp_path / NODE / "node.log").stat().st_size
    before = read_bytes()
    assert len(texts(tmp_path, until=12_345.6)) == 100
    assert read_bytes() - before < size / 20


def read_bytes() -> int:
    """Return the bytes that this process has read so far."""
    fields = dict(entry.split(": ") for entry in Path(f"/proc/{os.getpid()}/io").read_text().splitlines())
    return int(fields["rchar"])
