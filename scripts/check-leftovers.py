"""Runs a command and fails when it leaves a process running or a temporary file behind.

Every descendant of the command is found, also one that has a session of its own and a new title: orphans are handed to
this process, because it is their subreaper. What pytest keeps for looking at after a failure (``pytest-of-*``) is no
leftover. The exit code is the command's, or 1 for a leftover.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a command and fail when it leaves something behind.")
    parser.add_argument("--grace", type=float, default=5.0, metavar="SECONDS", help="what just ended may take to go")
    parser.add_argument("command", nargs="+", metavar="-- COMMAND", help="and its arguments")
    arguments = parser.parse_args()
    return leave_nothing(arguments.command, arguments.grace)


def leave_nothing(command: Sequence[str], grace: float) -> int:
    adopt_orphans()
    directory = Path(tempfile.mkdtemp(prefix="nomos-"))
    code = run(command, directory)
    leftovers = processes_left(grace) + files_left(directory)
    for leftover in leftovers:
        print(f"left behind: {leftover}", file=sys.stderr)
    if code == 0 and not leftovers:
        shutil.rmtree(directory)
    elif any(directory.iterdir()):
        print(f"temporary files of the tests are kept in {directory}", file=sys.stderr)
    else:
        directory.rmdir()
    return code or int(bool(leftovers))


def adopt_orphans() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def run(command: Sequence[str], directory: Path) -> int:
    """Run with ``directory`` for temporary files. Ctrl-C reaches the command by the terminal, SIGTERM through here."""
    started: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []
    # The command may run before Popen returns: a signal of that moment is passed on afterwards.
    signal.signal(signal.SIGTERM, lambda number, _: started[0].terminate() if started else asked.append(number))
    started.append(child := subprocess.Popen(command, env=os.environ | {"TMPDIR": str(directory)}))
    if asked:
        child.terminate()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while child.returncode is None:
        # Orphans are collected at once: a test that waits for a process to be gone would wait for ever for a zombie.
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
    return 128 - child.returncode if child.returncode < 0 else child.returncode


def processes_left(grace: float) -> list[str]:
    """Describe the descendants that are there after the time of grace, and kill them."""
    deadline = time.monotonic() + grace
    while (left := _descendants()) and time.monotonic() < deadline:
        time.sleep(0.05)
    described = [_described(process) for process in left]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=1)
    return described


def _descendants() -> list[psutil.Process]:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return psutil.Process().children(recursive=True)


def _described(process: psutil.Process) -> str:
    try:
        return f"process {process.pid}, {' '.join(process.cmdline())!r} in {process.cwd()}"
    except psutil.Error:
        return f"process {process.pid}"


def files_left(directory: Path) -> list[str]:
    return [str(path) for path in sorted(directory.iterdir()) if not path.name.startswith("pytest-of-")]


if __name__ == "__main__":
    sys.exit(main())
