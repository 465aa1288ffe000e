"""The journal: what is written is read back, by whoever writes it, even when the writer dies in mid-line."""

from __future__ import annotations

import dataclasses
import io
import os
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nomos_testing
from nomos_testing.journal import events
from nomos_testing.journal.events import (
    ExpectationJudged,
    Notice,
    OtherEvent,
    RunEnded,
    UnreadableLine,
    VerdictReached,
    event_from_json,
    journal_event,
)
from nomos_testing.journal.journal import Entry, Journal, read_journal, to_line
from nomos_testing.report.console import print_summary
from nomos_testing.workloads.transactions.events import TransactionsJudged

for _module in walk_packages(nomos_testing.__path__, "nomos_testing."):
    if not _module.name.endswith("__main__"):
        import_module(_module.name)  # so that every event there is has been registered
KINDS: Mapping[str, type[Any]] = dict(events._KINDS)

texts = st.text(st.characters(exclude_categories=()), max_size=20)
"""Of every character, also lone surrogates and those that end lines."""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    Any: json_values,
    NoneType: st.none(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    int: st.integers(0, 2**53),
    str: texts,
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """All values that an event's field of this type may have."""
    arguments = get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, UnionType):
        return st.one_of(map(values_of, arguments))
    if dataclasses.is_dataclass(hint):
        return events_of(hint)
    if get_origin(hint) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if issubclass(get_origin(hint), Mapping):
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    raise AssertionError(f"no strategy for a field of type {hint}")


def events_of(kind: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values_of(hint) for name, hint in get_type_hints(kind).items()})


def written_and_read(event: Any) -> Any:
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal(Path(directory) / "journal.jsonl", clock=time.monotonic)
        journal.write(event)
        journal.close()
        (entry,) = read_journal(journal.path)
        return entry.event


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_every_event_reads_back_equal_to_what_was_written(kind: str, data: st.DataObject) -> None:
    event = data.draw(events_of(KINDS[kind]))
    assert written_and_read(event) == event


@pytest.mark.parametrize(
    ("kind", "optional"),
    [(kind, item.name) for kind, event in KINDS.items() for item in dataclasses.fields(event) if item.default is None],
)
@given(data=st.data())
@settings(max_examples=3, deadline=None)
def test_each_optional_field_may_be_absent(kind: str, optional: str, data: st.DataObject) -> None:
    event = dataclasses.replace(data.draw(events_of(KINDS[kind])), **{optional: None})
    assert f'"{optional}":null' not in to_line(Entry(0.0, "", event))
    assert written_and_read(event) == event


@given(fields=st.dictionaries(texts.filter(lambda name: name not in {"at", "time", "kind"}), json_values, max_size=3))
def test_events_without_a_class_are_read_back_too(fields: dict[str, Any]) -> None:
    assert written_and_read(OtherEvent("quantum_leap", fields)) == OtherEvent("quantum_leap", fields)


def test_a_run_in_which_nothing_was_included_reads_back() -> None:
    judged = TransactionsJudged(planned=10, sent=10, included=0, latency_p50_seconds=None, latency_p99_seconds=None)
    assert written_and_read(judged) == judged


def test_what_json_cannot_say_is_written_as_text() -> None:
    read = written_and_read(ExpectationJudged(expectation="odd", passed=False, observed={Path("/a"): {b"x"}}))
    assert read.observed == {"/a": ["b'x'"]}


def test_an_older_journal_without_the_newer_fields_is_read() -> None:
    assert event_from_json("verdict", {"passed": False, "failure": "no"}) == VerdictReached(False, "no", errored=False)
    judged = event_from_json("expectation_judged", {"expectation": "one", "passed": False, "message": "no"})
    assert judged == ExpectationJudged(expectation="one", passed=False, message="no", errored=False)


def test_two_events_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two events have the kind 'notice': Notice, .*Other"):

        @journal_event("notice")
        @dataclasses.dataclass(frozen=True)
        class Other:
            text: str


def test_a_field_that_may_be_none_has_none_as_its_default() -> None:
    with pytest.raises(TypeError, match=r"Other.error may be None, so its default has to be None"):

        @journal_event("other")
        @dataclasses.dataclass(frozen=True)
        class Other:
            error: str | None

    assert "other" not in events._KINDS


def test_only_dataclasses_are_events() -> None:
    with pytest.raises(TypeError, match="expected a dataclass"):
        journal_event("other")(type("Other", (), {}))


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    registered = events._KINDS
    assert len(registered) == len(set(registered.values()))
    assert all(dataclasses.is_dataclass(event) for event in registered.values())


def test_entries_come_in_order_and_listeners_hear_them(tmp_path: Path) -> None:
    journal, heard = Journal(tmp_path / "journal.jsonl", clock=time.monotonic), list[Entry]()
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
    journal = Journal(tmp_path / "journal.jsonl", clock=time.monotonic)
    journal.write(Notice("whole"))
    os.write(journal._file, b'{"at": 1.0, "ti')
    assert [entry.event for entry in read_journal(journal.path)] == [Notice("whole")]
    journal.close()


BROKEN_LINES = {
    b"what?": "Expecting value",
    b"[1,2]": "expected an object, got list",
    b'{"kind":"notice","text":"hello"}': "it has no at, time",
    b'{"at":"soon","time":"t","kind":"notice","text":"hello"}': "expected a number `at`",
    b'{"at":1,"time":"t","kind":"notice"}': "notice: text: Field required",
    b'{"at":1,"time":"t","kind":"block_seen","block":"b","parent":"a","slot":1,"height":"high","transactions":0,'
    b'"node":"n"}': "block_seen: height: Input should be a valid integer",
    b'{"at":1,"time":"t","kind":"sample","nodes":{"a":3},"counters":{}}': "sample: nodes.a",
    b'{"at":1,"time":"\xff"}': "invalid start byte",
    b"[" * 100_000: "recursion",
}


@pytest.mark.parametrize(("line", "reason"), BROKEN_LINES.items(), ids=list(BROKEN_LINES.values()))
def test_a_line_that_cannot_be_read_is_an_entry_that_says_why(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "journal.jsonl"
    fine = b'{"at":2.5,"time":"t","kind":"notice","text":"fine"}\n'
    path.write_bytes(fine + line + b"\n" + fine)
    before, broken, after = read_journal(path)
    assert before.event == after.event == Notice("fine")
    assert isinstance(broken.event, UnreadableLine)
    assert (broken.at, broken.time, broken.event.number) == (2.5, "t", 2)
    assert reason in broken.event.reason
    assert broken.event.start == line[:200].decode(errors="replace")


def test_the_summary_of_a_journal_with_broken_lines_counts_and_shows_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", clock=time.monotonic)
    journal.write(VerdictReached(True))
    for number in range(5):
        os.write(journal._file, b'{"at":1,"time":"t","kind":"fault_healed","number":%d}\n' % number)
    journal.write("fault_healed", number=1, fault="kill", seconds=1.0)  # of a fault whose injection is missing
    journal.write(RunEnded("passed"))
    journal.close()
    stream = io.StringIO()
    print_summary(read_journal(journal.path), stream)
    text = stream.getvalue()
    assert "5 lines of the journal cannot be read:" in text
    assert 'line 2, \'{"at":1,"time":"t","kind":"fault_healed"\'' in text
    assert "fault_healed: fault: Field required; seconds: Field required" in text
    assert "and 2 more" in text
    assert text.rstrip().endswith("run passed")


def test_a_listener_that_raises_is_dropped_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal, heard = Journal(tmp_path / "journal.jsonl", clock=time.monotonic), list[Entry]()

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
