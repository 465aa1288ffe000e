from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.repository.repository_copy import REPOSITORY


def command(script: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "scripts/check-leftovers.py"), "--grace", "1.5", "--", "sh", "-c", script]


def run(script: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"TMPDIR": str(temporary)}
    return subprocess.run(command(script), env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_commands_exit_code_is_passed_on(tmp_path: Path, script: str, code: int) -> None:
    done = run(script, tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    assert code != 0 or list(tmp_path.iterdir()) == []


def test_an_orphan_in_a_session_of_its_own_is_found_and_killed(tmp_path: Path) -> None:
    done = run("setsid sleep 987 >/dev/null 2>&1 & echo $!; exit 0", tmp_path)
    assert done.returncode == 1
    assert "left behind: process " in done.stderr
    assert "sleep 987" in done.stderr
    assert not psutil.pid_exists(int(done.stdout))


def test_an_orphan_that_ends_soon_is_no_leftover(tmp_path: Path) -> None:
    done = run("setsid sleep 0.3 & exit 0", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_orphans_that_end_meanwhile_do_not_stay_as_zombies(tmp_path: Path) -> None:
    waiting = tmp_path / "waiting.sh"
    waiting.write_text("pid=$(sh -c 'true & echo $!'); while kill -0 $pid 2>/dev/null; do sleep 0.01; done")
    assert run(f"timeout 10 sh {waiting}", tmp_path).returncode == 0


def test_a_temporary_file_is_a_leftover_but_pytests_own(tmp_path: Path) -> None:
    done = run("touch $TMPDIR/socket; mkdir $TMPDIR/pytest-of-me", tmp_path)
    assert done.returncode == 1
    (place,) = tmp_path.iterdir()
    assert done.stderr.splitlines() == [
        f"left behind: {place}/socket",
        f"temporary files of the tests are kept in {place}",
    ]


def test_sigterm_reaches_the_command(tmp_path: Path) -> None:
    process = subprocess.Popen(command("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"), stdout=-1)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 7


def test_no_command_is_wrong_usage() -> None:
    script = REPOSITORY / "scripts/check-leftovers.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
