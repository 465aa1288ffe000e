"""The reaper acts when its pipe closes without a word, and only then."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nomos_testing.deployers.shared import reaper as reaper_program
from nomos_testing.deployers.shared.reaper import CleanupList, read_cleanup_list, start_ticks
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.events import RunEnded
from nomos_testing.journal.journal import Journal, read_journal


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def cleanup_list_of(*messages: object) -> CleanupList:
    return read_cleanup_list(io.StringIO("".join(json.dumps(message) + "\n" for message in messages)))


def test_registered_groups_are_killed_files_removed_and_the_journal_told(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    socket, directory = tmp_path / "node.sock", tmp_path / "scratch"
    socket.write_text("")
    directory.mkdir()
    (directory / "file").write_text("")
    journal = Journal(tmp_path / "journal.jsonl", clock=time.monotonic)
    reaper = Reaper(journal.path, journal.opened)
    reaper.watch_group(sleeper.pid)
    reaper.remove(socket)
    reaper.remove(directory)
    assert reaper._process.stdin is not None
    reaper._process.stdin.close()
    reaper._process.wait(10)
    assert sleeper.wait(5) == -9
    assert not socket.exists()
    assert not directory.exists()
    journal.close()
    (entry,) = read_journal(journal.path)
    assert isinstance(entry.event, RunEnded)
    assert entry.event.outcome == "killed"
    assert "1 process groups" in (entry.event.detail or "")
    assert 0 <= entry.at < 60


def test_a_dismissed_reaper_touches_nothing(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    reaper = Reaper(tmp_path / "journal.jsonl", time.monotonic())
    reaper.watch_group(sleeper.pid)
    reaper.dismiss()
    assert sleeper.poll() is None
    assert not (tmp_path / "journal.jsonl").exists()
    assert reaper._process.returncode == 0


def test_a_group_that_ended_is_forgotten(sleeper: subprocess.Popen[bytes]) -> None:
    cleanup = cleanup_list_of({"group": sleeper.pid, "started": start_ticks(sleeper.pid)}, {"forget": sleeper.pid})
    assert cleanup.clean_up() == 0
    assert sleeper.poll() is None


def test_a_later_process_with_the_same_id_is_spared(sleeper: subprocess.Popen[bytes]) -> None:
    started = start_ticks(sleeper.pid)
    assert started is not None
    assert cleanup_list_of({"group": sleeper.pid, "started": started - 1}).clean_up() == 0
    assert sleeper.poll() is None


def test_a_line_cut_short_does_not_stop_it() -> None:
    cleanup = read_cleanup_list(io.StringIO('{"group": 1234567, "started": 1}\n{"gro'))
    assert cleanup.groups == {1234567: 1}
    assert not cleanup.done


def test_a_run_survives_the_death_of_its_reaper(tmp_path: Path) -> None:
    reaper = Reaper(tmp_path / "journal.jsonl", 0.0)
    reaper._process.kill()
    reaper._process.wait()
    reaper.watch_group(os.getpid())
    reaper.dismiss()


def test_things_of_any_kind_are_listed_and_removed_until_nothing_new_comes(tmp_path: Path) -> None:
    """The first removal makes one more thing, as a daemon does that is busy when its client dies."""
    left, removed = tmp_path / "left", tmp_path / "removed"
    left.mkdir()
    for name in ("one", "two"):
        (left / name).touch()
    remove = (
        f'for name; do rm "{left}/$name"; done; test -e "{removed}" || touch "{left}/late"; echo "$@" >> "{removed}"'
    )
    journal = tmp_path / "journal.jsonl"
    listing = {"what": "things", "list": ["ls", str(left)], "remove": ["sh", "-c", remove, "remove"]}
    cleanup_list_of(listing, {"journal": str(journal), "opened": 0.0}).clean_up()
    assert list(left.iterdir()) == []
    assert removed.read_text().splitlines() == ["one two", "late"]
    assert json.loads(journal.read_text())["detail"].endswith("killed 0 process groups and removed 3 things")


def failing_listing(directory: Path, failures: int) -> dict[str, object]:
    """A listing that fails this many times, as while the API server of a cluster starts again, and one thing."""
    (directory / "left").mkdir()
    (directory / "left" / "thing").touch()
    failing = f'echo >> calls; [ "$(wc -l < calls)" -gt {failures} ] || exit 1; ls left'
    return {
        "what": "things",
        "list": ["sh", "-c", f'cd "{directory}"; {failing}'],
        "remove": ["sh", "-c", f'cd "{directory}/left"; rm "$@"', "remove"],
    }


def test_a_listing_that_fails_does_not_end_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper_program, "_QUIET_SECONDS", 0.3)
    journal = tmp_path / "journal.jsonl"
    cleanup_list_of(failing_listing(tmp_path, 8), {"journal": str(journal), "opened": 0.0}).clean_up()
    assert list((tmp_path / "left").iterdir()) == []
    assert json.loads(journal.read_text())["detail"].endswith("killed 0 process groups and removed 1 things")


def test_a_listing_that_never_succeeds_ends_with_the_sweep_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper_program, "_SWEEP_SECONDS", 0.5)
    journal = tmp_path / "journal.jsonl"
    cleanup_list_of(failing_listing(tmp_path, 10_000), {"journal": str(journal), "opened": 0.0}).clean_up()
    assert (tmp_path / "left" / "thing").exists()
    assert json.loads(journal.read_text())["detail"].endswith(
        "removed 0 things; things may be left, because they could not be listed"
    )
