"""``nomos-testing logs``: what is printed of a stored run, of one that goes on, and of wrong options."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nomos_testing.cli.main import main
from nomos_testing.journal.events import Notice, RunEnded
from nomos_testing.journal.journal import JOURNAL_NAME
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.inputs.logged_run import faulty, journal_line, log_line, started, stored
from support.processes.embedded_node import wait_until

PATIENCE = 30.0 * MACHINE_FACTOR


def logs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["logs", *arguments])


def texts(said: Result) -> list[str]:
    assert said.exit_code == 0, said.output
    return [line.split(maxsplit=1)[0] + " " + line[23:].strip() for line in said.stdout.splitlines()]


def test_lines_have_time_source_and_level(tmp_path: Path) -> None:
    faulty(tmp_path)
    said = logs(str(tmp_path), "--since", "slot:4", "--until", "20")
    assert said.stdout.splitlines() == [
        "    10.000  fault 3      *     pause validator-1 is in effect",
        "    12.000  validator-0  WARN  nomos_chain: alone",
        "    14.000  fault 3      *     pause validator-1 is healed",
        "    20.000  no_stalls    *     does not hold: no block",
    ]
    assert said.stderr == ""


def test_options_choose_lines(tmp_path: Path) -> None:
    faulty(tmp_path)
    name = str(tmp_path)
    assert texts(logs(name, "--around", "no_stalls", "--window", "1s")) == [
        "20.000 *     does not hold: no block",
        "21.000 INFO  nomos_chain: late",
    ]
    assert len(texts(logs(name, "--around", "fault:3", "--window", "0.5s"))) == 3
    assert texts(logs(name, "--grep", "^nomos_chain: b")) == [
        "1.000 INFO  nomos_chain: begins",
        "1.500 INFO  nomos_chain: begins",
        "29.000 ERROR nomos_chain: broken",
    ]
    assert "29.000" not in logs(name, "--node", "validator-0").stdout
    assert "nomos_chain" not in logs(name, "--events-only").stdout
    assert "INFO" not in logs(name, "--level", "warn").stdout


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--node", "validator-7", "there is no node validator-7; the run has validator-0, validator-1"),
        ("--since", "soon", "'soon' is no moment"),
        ("--around", "nothing", "failures: no_stalls, validator-1; faults: fault:3 (pause validator-1)"),
        ("--grep", "(", "is no regular expression"),
        ("--window", "5", "expected 90s, 30m"),
    ],
)
def test_wrong_options_say_what_there_is(tmp_path: Path, option: str, value: str, named: str) -> None:
    faulty(tmp_path)
    said = logs(str(tmp_path), option, value)
    assert said.exit_code == 2
    assert named in said.stderr


def test_missing_runs_logs_and_lines_are_explained(tmp_path: Path) -> None:
    missing = logs(str(tmp_path / "missing"))
    assert missing.exit_code == 1
    assert "is no run directory" in missing.stderr
    stored(tmp_path, [(0, started())])
    assert logs(str(tmp_path)).stderr == f"there are no logs in {tmp_path}\n"
    stored(tmp_path, [(0, started()), (1, RunEnded("passed"))])
    assert "those of a passed run are deleted" in logs(str(tmp_path)).stderr
    faulty(tmp_path)
    assert "no line is chosen; the run lasted 31.0 s" in logs(str(tmp_path), "--since", "100").stderr


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_a_terminal_shows_nodes_and_levels_in_colour(tmp_path: Path, no_color: str | None, *, coloured: bool) -> None:
    faulty(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    terminal, inner = pty.openpty()
    try:
        program = f"from nomos_testing.cli.main import main; main({['logs', str(tmp_path), '--level', 'warn']!r})"
        subprocess.run(
            [sys.executable, "-c", program],
            stdout=inner,
            env=environment | ({} if no_color is None else {"NO_COLOR": no_color}),
            timeout=PATIENCE,
            check=True,
        )
        output = os.read(terminal, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(inner)
    assert ("\x1b[33mWARN  nomos_chain: alone" in output) is coloured
    assert ("\x1b[" in output) is coloured


@contextmanager
def following(directory: Path, *options: str) -> Iterator[Path]:
    """A file with what ``logs --follow`` prints; the program has to end by itself."""
    program = f"from nomos_testing.cli.main import main; main({['logs', str(directory), '--follow', *options]!r})"
    printed = directory / "printed"
    with printed.open("wb") as output, subprocess.Popen([sys.executable, "-c", program], stdout=output) as process:
        try:
            yield printed
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_following_prints_what_comes_until_the_run_has_ended(tmp_path: Path) -> None:
    stored(tmp_path, [(0, started())], {"validator-0": log_line(1, "begins")})
    log, journal = tmp_path / "validator-0" / "__logs.1", tmp_path / JOURNAL_NAME

    def append(path: Path, text: str) -> None:
        with path.open("a") as file:
            file.write(text)

    def printed(text: str) -> bool:
        return text in output.read_text()

    with following(tmp_path, "--grep", "begins|second|third|fourth") as output:
        wait_until("the first line", lambda: printed("begins"), patience=PATIENCE)
        append(log, log_line(2, "second") + log_line(2.5, "hidden") + "third, to")
        wait_until("the second line", lambda: printed("second"), patience=PATIENCE)
        append(log, "rn\n")
        append(journal, journal_line(3, Notice("fourth")))
        wait_until("the event", lambda: printed("fourth"), patience=PATIENCE)
        wait_until("the torn line", lambda: printed("third, torn"), patience=PATIENCE)
        append(journal, journal_line(4, RunEnded("passed")))
    lines = [line.split()[-1] for line in output.read_text().splitlines()]
    assert sorted(lines) == sorted(["begins", "second", "torn", "fourth"])
