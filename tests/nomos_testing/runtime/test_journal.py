"""The journal: what is written is read back, by whoever writes it, even when the writer dies in mid-line."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.runtime import journal_events
from nomos_testing.runtime.journal import Entry, Journal, from_line, read_journal, to_line
from nomos_testing.runtime.journal_events import (
    BlockSeen,
    ExpectationJudged,
    NodeExited,
    NodeSample,
    Notice,
    OtherEvent,
    PhaseStarted,
    RunEnded,
    Sample,
    WorkloadEnded,
    event_from_json,
)

texts = st.text(max_size=30)
optional_texts = st.none() | texts
counts = st.integers(0, 2**53)
samples = st.builds(
    Sample,
    nodes=st.dictionaries(
        texts, st.builds(NodeSample, height=st.none() | counts, peers=st.none() | counts), max_size=3
    ),
    counters=st.dictionaries(texts, counts, max_size=3),
)
events = st.one_of(
    st.builds(Notice, text=texts, level=st.sampled_from(["info", "warning"])),
    st.builds(PhaseStarted, phase=texts, planned_seconds=st.none() | st.floats(0, 1e6)),
    st.builds(BlockSeen, block=texts, parent=texts, slot=counts, height=counts, transactions=counts, node=texts),
    st.builds(NodeExited, node=texts, status=texts, expected=st.booleans(), last_lines=st.lists(texts).map(tuple)),
    st.builds(ExpectationJudged, expectation=texts, passed=st.booleans(), observed=st.none() | counts, message=texts),
    st.builds(WorkloadEnded, workload=texts, outcome=texts, error=optional_texts),
    st.builds(RunEnded, outcome=texts, detail=optional_texts),
    samples,
)


@given(event=events, at=st.floats(0, 1e6))
def test_every_event_survives_its_line(event: object, at: float) -> None:
    entry = Entry(round(at, 6), "2026-01-01T00:00:00.000000+00:00", event)
    line = to_line(entry)
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    assert from_line(line) == entry


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    registered = journal_events._KINDS
    assert len(registered) == len(set(registered.values()))
    assert all(dataclasses.is_dataclass(event) for event in registered.values())


def test_entries_come_in_order_and_listeners_hear_them(tmp_path: Path) -> None:
    journal, heard = Journal(tmp_path / "journal.jsonl"), list[Entry]()
    journal.listen(heard.append)
    for number in range(5):
        journal.write(Notice(f"note {number}"))
    journal.write("quantum_leap", account="wallet-user-0")
    journal.close()
    read = list(read_journal(journal.path))
    assert [entry.event for entry in read] == [entry.event for entry in heard]
    assert read[-1].event == OtherEvent("quantum_leap", {"account": "wallet-user-0"})
    assert [entry.at for entry in read] == sorted(entry.at for entry in read)


def test_a_journal_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Notice("whole"))
    os.write(journal._file, b'{"at": 1.0, "ti')
    assert [entry.event for entry in read_journal(journal.path)] == [Notice("whole")]
    journal.close()


def test_a_broken_line_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"at":0,"time":"t","kind":"notice","text":"fine"}\n{"kind":"notice"}\n')
    with pytest.raises(ValueError, match=rf"{path}:2: not a journal line"):
        list(read_journal(path))


def test_a_listener_that_raises_is_dropped_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal, heard = Journal(tmp_path / "journal.jsonl"), list[Entry]()

    def broken(entry: Entry) -> None:
        raise RuntimeError("view is broken")

    journal.listen(broken)
    journal.listen(heard.append)
    journal.write(Notice("one"))
    journal.write(Notice("two"))
    journal.close()
    assert len(heard) == 2
    assert [record.message for record in caplog.records] == ["a journal listener failed and is dropped"]


def test_a_newer_writers_events_and_fields_are_read_as_far_as_they_are_known() -> None:
    assert event_from_json("quantum_leap", {"far": 1}) == OtherEvent("quantum_leap", {"far": 1})
    assert event_from_json("notice", {"text": "hello", "colour": "red"}) == Notice("hello")
