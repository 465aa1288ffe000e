"""The lines of the verdict stand where a person looks first: at the top of a file, at the bottom of a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import NodeControlled
from nomos_testing.report.verdict import print_result, verdict_lines
from support.inputs.written_run import at_slot, failed_expectation, judged_run


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    paused = [(at_slot(slot), NodeControlled(f"validator-{slot}", "pause", 0.01)) for slot in range(1, 9)]
    behind = failed_expectation("no_stalls", "violated", evidence=["validator-1 stands still", "[red]validator-2"])
    return judged_run(tmp_path, paused, [behind])


def test_a_file_begins_with_verdict_cause_and_remedy(record: RunRecord) -> None:
    stream = io.StringIO()
    print_result(record, stream)
    lines = stream.getvalue().splitlines()
    assert lines[:3] == verdict_lines(record)[:3]
    assert lines[0] == "verdict: failed (no_stalls)"
    assert lines[1] == "cause (certain): validator-1 was frozen at slot 1 by a workload and not continued"
    assert lines[2].startswith("try: ")
    assert stream.getvalue().count("verdict: failed") == 1


def test_a_terminal_ends_with_them(record: RunRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    print_result(record, stream)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines[-len(verdict_lines(record)) :] == verdict_lines(record)
    assert stream.getvalue().count("verdict: failed") == 1


def test_further_causes_are_named_and_not_too_many(record: RunRecord) -> None:
    also = [line for line in verdict_lines(record) if line.startswith("also ")]
    assert also == [
        "also certain: validator-2 was frozen at slot 2 by a workload and not continued",
        "also likely: validator-3 was frozen at slot 3 by a workload and not continued",
        "also likely: validator-4 was frozen at slot 4 by a workload and not continued",
    ]
