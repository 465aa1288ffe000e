"""A run whose network stays up after the verdict: a front that returns at the verdict, and a holder of the network.

The front is the command that the user has started. The holder runs the scenario in a session of its own, with the
output of the front. At the verdict it tells the front the exit code, gives up the output, so that a pipe sees its end,
and holds the network until its time is over, a client says ``end``, or a signal comes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from nomos_testing.runtime.signals import STOPPING_SIGNALS

HOLDER_LOG: Final = "holder.log"
"""The output of the holder after the verdict, in the run directory."""
_PR_SET_PDEATHSIG: Final = 1
_CRASHED: Final = 1


class Front:
    """The holder's way to its front."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def release(self, exit_code: int, run_directory: Path) -> None:
        """Give up the output and have the front return with an exit code. The holder no longer dies with it."""
        sys.stdout.flush()
        sys.stderr.flush()
        _signal_at_end_of_parent(0)
        log = os.open(run_directory / HOLDER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        with suppress(BrokenPipeError):  # the front was killed; the network is kept all the same
            os.write(self._pipe, bytes([exit_code]))
        os.close(self._pipe)


def run_behind_front(run: Callable[[Front], int]) -> int:
    """Start the holder, which calls ``run``, and return the exit code of its verdict.

    Signals go on to the holder. It ends in order if the front is killed before the verdict.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    front = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING_SIGNALS)
    holder = os.fork()
    if holder == 0:
        os.close(reading)
        os.setsid()
        _signal_at_end_of_parent(signal.SIGTERM)
        if os.getppid() != front:
            os._exit(_CRASHED)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _hold(run, Front(writing))
    os.close(writing)
    for number in STOPPING_SIGNALS:
        signal.signal(number, lambda received, _: _forward(received, holder))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        return _exit_code(reading, holder)
    finally:
        os.close(reading)


def kept_lines(run_directory: Path, urls: dict[str, str], until: float) -> list[str]:
    """Return the lines that tell how to reach a kept network, and how to end it."""
    width = max(map(len, urls), default=0)
    ends = datetime.fromtimestamp(until).astimezone()
    return [
        f"the network stays up until {ends:%H:%M:%S} ({ends:%Y-%m-%d})",
        *(f"  {name:<{width}}  {url}" for name, url in urls.items()),
        f"  nomos-testing shell {run_directory}",
        f"  nomos-testing watch {run_directory}",
        f"  nomos-testing end {run_directory}",
    ]


def _hold(run: Callable[[Front], int], front: Front) -> None:
    """Run in the forked process, and end it: nothing of the front's program may go on here."""
    code = _CRASHED
    try:
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        code = run(front)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):  # whoever read the output may have left
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _exit_code(pipe: int, holder: int) -> int:
    """Wait for the verdict's exit code, or for the end of the holder."""
    if code := os.read(pipe, 1):
        return code[0]
    status = os.waitstatus_to_exitcode(os.waitpid(holder, 0)[1])
    return status if status >= 0 else 128 - status


def _forward(number: int, holder: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(holder, number)


def _signal_at_end_of_parent(number: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
