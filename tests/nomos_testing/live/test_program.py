"""The live view without a terminal, and its costs: at the start of commands, and for long journals."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nomos_testing.journal.journal import JOURNAL_NAME
from nomos_testing.live.journal_follower import JournalFollower
from nomos_testing.live.playback import Playback
from nomos_testing.live.program import write_lines
from nomos_testing.waiting.waiting import Seen, wait_until
from support.inputs.live_journals import append, run_of
from support.processes.terminal import in_terminal

_TERMINAL_AS_BEFORE = b"\x1b[?1049l"
"""Leaves the alternate screen of the terminal."""


async def test_without_a_terminal_there_are_lines_until_the_run_ends(tmp_path: Path) -> None:
    entries, out = run_of(tmp_path), io.StringIO()
    append(tmp_path, *(item for item in entries if item.at < 6))
    writing = asyncio.create_task(write_lines(tmp_path, out))

    async def look() -> Seen:
        return Seen("fault 1 healed" in out.getvalue(), out.getvalue())

    await wait_until("the heal", look, timeout=60, poll=0.01)
    assert not writing.done()
    append(tmp_path, *(item for item in entries if item.at >= 6))
    await asyncio.wait_for(writing, 60)
    lines = out.getvalue().splitlines()
    assert lines[0] == "[    0.0 s] forks: 20 s on local, slots of 0.5 s, seed 7"
    assert lines[-2:] == ["[   11.0 s] verdict: passed", "[   11.5 s] the run ended: passed"]


def test_the_command_writes_lines_into_a_pipe(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    command = [sys.executable, "-c", "from nomos_testing.cli.main import main; main()"]
    command += ["watch", str(tmp_path), "--from", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=True)
    assert done.stdout.splitlines()[-1] == "[   11.5 s] the run ended: passed"
    assert "fault" not in done.stdout


def test_a_view_that_its_runner_ends_gives_the_terminal_back(tmp_path: Path) -> None:
    append(tmp_path, *run_of(tmp_path))
    command = [sys.executable, "-m", "nomos_testing.live", str(tmp_path), str(os.getpid())]
    with in_terminal(command) as terminal:
        terminal.until("the view", lambda: b"validator-0" in terminal.output)
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.until("the terminal as before", lambda: _TERMINAL_AS_BEFORE in terminal.output)
        assert terminal.exit_code() == 0


@pytest.mark.parametrize("command", [["--help"], ["watch", "--help"], ["run", "--help"]])
def test_help_imports_no_textual(command: list[str]) -> None:
    code = (
        "import sys\n"
        "from nomos_testing.cli.main import main\n"
        f"main({command!r}, standalone_mode=False)\n"
        "assert not {'textual', 'jinja2', 'nomos_testing.live'} & set(sys.modules), 'heavy imports'\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=120, check=True, stdout=subprocess.DEVNULL)


def test_reading_a_journal_takes_a_few_times_as_long_as_reading_its_json(tmp_path: Path) -> None:
    entries = run_of(tmp_path, nodes=5)
    for _ in range(200):
        append(tmp_path, *entries)
    path = tmp_path / JOURNAL_NAME

    def parse() -> None:
        with path.open("rb") as file:
            for line in file:
                json.loads(line)

    def open_view() -> None:
        follower, playback, more = JournalFollower(path), Playback(), True
        while more:
            found, more = follower.read()
            playback.add(found)

    assert processor_seconds(open_view) < 25 * processor_seconds(parse)


def processor_seconds(work: object) -> float:
    """Return the processor time of the fastest of three calls."""
    assert callable(work)
    measured = []
    for _ in range(3):
        began = time.process_time()
        work()
        measured.append(time.process_time() - began)
    return min(measured)
