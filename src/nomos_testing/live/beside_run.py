"""The live view of ``run --live``: a process of its own in the terminal of the runner.

The runner stays the process that the shell waits for, with its signals and its exit code. While the view has the
terminal, the runner's own output goes to a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from nomos_testing.journal.events import RunEnded, RunStarted
from nomos_testing.journal.journal import Entry, Listener
from nomos_testing.report.live import live_view

OUTPUT_NAME: Final = "runner-output.log"
"""Name of the file in the run directory that takes the runner's output."""
_STANDARD_STREAMS: Final = (1, 2)


@contextmanager
def view_beside_run() -> Iterator[Listener]:
    """Open the live view in this terminal as soon as the run has a directory, and wait at the end until it is left.

    A user who leaves it earlier gets the progress bar. Without a terminal there are lines.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        with live_view() as view:
            yield view
        return
    beside = _ViewProcess()
    try:
        yield beside
    finally:
        beside.close()


class _ViewProcess:
    """A journal listener that starts the view, and takes its place when it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Path | None = None
        self._terminal: list[int] = []
        self._interrupted = False
        self._progress = ExitStack()
        self._listener: Listener | None = None

    def __call__(self, entry: Entry) -> None:
        match entry.event:
            case RunStarted():
                self._start(Path(entry.event.directory))
            case RunEnded():
                self._interrupted = entry.event.outcome == "interrupted"
        if self._process is not None and self._process.poll() is not None:
            self._take_terminal_back()
            self._listener = self._listener or self._progress.enter_context(live_view())
        if self._listener is not None:
            self._listener(entry)

    def close(self) -> None:
        """Wait until the user leaves the view. The view of an interrupted run is closed."""
        self._progress.close()
        if self._process is None:
            return
        try:
            if self._interrupted:
                self._process.terminate()
            self._process.wait()
        finally:
            if self._process.poll() is None:
                self._process.terminate()
                self._process.wait()
            self._take_terminal_back()

    def _start(self, directory: Path) -> None:
        _flush()
        self._output = directory / OUTPUT_NAME
        self._terminal = [os.dup(stream) for stream in _STANDARD_STREAMS]
        with self._output.open("ab") as output:
            for stream in _STANDARD_STREAMS:
                os.dup2(output.fileno(), stream)
        command = [sys.executable, "-m", "nomos_testing.live", str(directory), str(os.getpid())]
        self._process = subprocess.Popen(command, stdout=self._terminal[0], stderr=self._terminal[1])

    def _take_terminal_back(self) -> None:
        if not self._terminal:
            return
        _flush()
        for stream, terminal in zip(_STANDARD_STREAMS, self._terminal, strict=True):
            os.dup2(terminal, stream)
            os.close(terminal)
        self._terminal = []
        if self._output is not None and self._output.is_file() and self._output.stat().st_size:
            print(f"output of the runner: {self._output}", file=sys.stderr)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
