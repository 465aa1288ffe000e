"""A journal is read while another process writes it."""

from __future__ import annotations

from pathlib import Path

from nomos_testing.journal.events import Notice, UnreadableLine
from nomos_testing.journal.journal import JOURNAL_NAME, to_line
from nomos_testing.live.journal_follower import JournalFollower
from support.inputs.live_journals import append, entry


def test_a_journal_that_is_not_there_yet_has_no_entries(tmp_path: Path) -> None:
    follower = JournalFollower(tmp_path / "run" / JOURNAL_NAME)
    assert not follower.exists
    assert follower.read() == ([], False)
    (tmp_path / "run").mkdir()
    append(tmp_path / "run", entry(0.5, Notice("hello")))
    assert [item.event for item in follower.read()[0]] == [Notice("hello")]
    assert follower.exists


def test_a_torn_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_NAME
    first, second = (to_line(entry(at, Notice(f"é {at}"))).encode() for at in (1.0, 2.0))
    cut = second.index("é".encode()) + 1  # in the middle of a character
    path.write_bytes(first + second[:cut])
    follower = JournalFollower(path)
    assert [item.at for item in follower.read()[0]] == [1.0]
    assert follower.read()[0] == []
    with path.open("ab") as file:
        file.write(second[cut:])
    assert [item.event for item in follower.read()[0]] == [Notice("é 2.0")]


def test_a_line_that_cannot_be_read_is_an_event_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_NAME
    path.write_bytes(to_line(entry(3.0, Notice("good"))).encode() + b"\x00garbage\n")
    found = JournalFollower(path).read()[0]
    assert isinstance(found[1].event, UnreadableLine)
    assert (found[1].at, found[1].event.number) == (3.0, 2)


def test_a_long_journal_comes_in_pieces(tmp_path: Path) -> None:
    path, text = tmp_path / JOURNAL_NAME, "x" * 1000
    path.write_text("".join(to_line(entry(float(number), Notice(text))) for number in range(3000)))
    follower, found, pieces = JournalFollower(path), [], 0
    more = True
    while more:
        entries, more = follower.read()
        found += entries
        pieces += 1
    assert pieces > 1
    assert [item.at for item in found] == [float(number) for number in range(3000)]
