"""What a run has left is read whole, and nothing in it is trusted."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import nomos_testing
from nomos_testing.evidence.node_logs import plain_text, read_log
from nomos_testing.evidence.run_record import NotARun, read_run
from nomos_testing.journal.events import Notice, event_kinds
from nomos_testing.journal.journal import Journal

BEGAN = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def test_a_record_has_journal_plan_and_the_merged_log_of_a_node(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", clock=lambda: 1.0)
    journal.write(Notice("hello"))
    journal.close()
    (tmp_path / "plan.json").write_text('{"seed": 7}')
    (tmp_path / "validator-0").mkdir()
    (tmp_path / "validator-0" / "__logs.2026-01-01-00").write_text(
        "2026-01-01T00:00:01.000000Z  INFO a: first\n2026-01-01T00:00:03.000000Z  INFO a: third\n"
    )
    (tmp_path / "validator-0" / "stdout.log").write_text("2026-01-01T00:00:02.000000Z  INFO b: second\n")
    record = read_run(tmp_path)
    assert [entry.event for entry in record.entries] == [Notice("hello")]
    assert record.plan == {"seed": 7}
    assert record.node_names() == ["validator-0"]
    assert [line.text for line in record.log_of("validator-0")] == ["first", "second", "third"]


def test_a_directory_without_a_journal_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotARun, match=r"is no run directory: journal.jsonl cannot be read(.|\n)*-> give"):
        read_run(tmp_path)


def test_a_torn_last_line_hinders_nobody(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", clock=lambda: 1.0)
    journal.write(Notice("whole"))
    journal.close()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"at": 2.0, "time": "2026-01-01T0')
    assert [entry.event for entry in read_run(tmp_path).entries] == [Notice("whole")]


def test_log_lines_have_the_journals_clock(tmp_path: Path) -> None:
    log = tmp_path / "pod.log"
    log.write_bytes(
        b"no time\n2026-01-01T00:00:02.5Z  WARN net::quic: \x1b[31mred\x1b[0m\x00 text\n  continued\n\xff\n"
    )
    lines = list(read_log(log, "validator-0", BEGAN))
    assert [(line.at, line.level, line.target, line.text) for line in lines] == [
        (0.0, "", "", "no time"),
        (2.5, "WARN", "net::quic", "red text"),
        (2.5, "", "", "  continued"),
        (2.5, "", "", "\ufffd"),
    ]


def test_plain_text_has_no_control_characters() -> None:
    assert plain_text("a\tb\x1b]0;title\x07c\x1b[1;31md\x9b\u2028e") == "a bcde"


def test_every_kind_of_event_is_known_where_journals_are_read() -> None:
    program = """
import nomos_testing.evidence
from nomos_testing.journal.events import event_kinds
print(*event_kinds())
"""
    known = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    for module in walk_packages(nomos_testing.__path__, "nomos_testing."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    own = {kind for kind, event in event_kinds().items() if event.__module__.startswith("nomos_testing.")}
    assert set(known.split()) == own
