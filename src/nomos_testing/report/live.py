"""The view of a run in progress: a progress bar on a terminal, otherwise a line every few seconds.

A view is a journal listener. Give it to the deployer, and close it after the run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from nomos_testing.evidence.run_progress import RunProgress
from nomos_testing.journal.events import (
    ExceptionRaised,
    KeepEnded,
    NetworkKept,
    NodeExited,
    Notice,
    PhaseEnded,
    PhaseStarted,
    Reorganised,
    RunEnded,
    RunStarted,
    Sample,
    VerdictReached,
    WaitContinues,
    WaitEnded,
    WorkloadEnded,
)
from nomos_testing.journal.journal import Entry, Listener
from nomos_testing.report.faults import fault_message
from nomos_testing.runtime.machine_load import MachineFellBehind
from nomos_testing.waiting.waiting import wait_message

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_LINE_SECONDS: Final = 5.0
_REFRESHES_PER_SECOND: Final = 4
_BAR_WIDTH: Final = 30
_NARROW_BAR_WIDTH: Final = 10
_WIDE_TERMINAL: Final = 100


@contextmanager
def live_view(stream: TextIO | None = None) -> Iterator[Listener]:
    """Open a view on ``stream`` (default: standard error): a progress bar on a terminal, otherwise plain lines."""
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        yield PlainView(out)
        return
    view = ProgressView(out)
    try:
        yield view
    finally:
        view.close()


def message_of(event: Any) -> str | None:
    """Return the message that every view shows at once; None for events that only change numbers."""
    message = fault_message(event)
    match event:
        case RunStarted():
            slot = f", slots of {event.slot_seconds:g} s" if event.slot_seconds else ""
            message = f"{event.scenario}: {event.run_seconds:g} s on {event.deployer}{slot}, seed {event.seed}"
        case Notice(text, level):
            message = f"warning: {text}" if level == "warning" else text
        case NodeExited(expected=False):
            lines = "".join(f"\n  | {line}" for line in event.last_lines)
            message = f"{event.node} ended: {event.status}{lines}"
        case WaitContinues():
            message = wait_message(event)
        case WaitEnded(fulfilled=False):
            message = f"gave up waiting for {event.waited_for} after {event.seconds:g} s: {event.last_seen}"
        case WorkloadEnded(outcome="failed"):
            message = f"workload {event.workload} failed: {event.error}"
        case Reorganised() if event.abandoned > 1:
            message = f"{event.node} left a branch of {event.abandoned} blocks for one of {event.adopted}"
        case MachineFellBehind():
            message = f"warning: {event}"
        case ExceptionRaised():
            message = f"{event.where} raised {event.error}\n{event.traceback.rstrip()}"
        case VerdictReached():
            message = f"verdict: {event.verdict or event.outcome}"
        case NetworkKept() | KeepEnded():
            message = str(event)
        case RunEnded(outcome="interrupted"):
            message = f"interrupted; evidence: {event.evidence}"
    return message


class PlainView:
    """Writes lines, for logs and pipes: one for each phase, then one every few seconds, and every message."""

    def __init__(self, stream: TextIO, *, line_seconds: float = PLAIN_LINE_SECONDS) -> None:
        self._stream = stream
        self._line_seconds = line_seconds
        self._progress = RunProgress()
        self._last_line = 0.0

    def __call__(self, entry: Entry) -> None:
        self._progress.take(entry)
        message = message_of(entry.event)
        if message is not None:
            self._say(entry, message)
        elif isinstance(entry.event, PhaseStarted):
            planned = entry.event.planned_seconds
            self._say(entry, f"{entry.event.phase}" + (f" ({planned:g} s)" if planned else ""))
        elif isinstance(entry.event, Sample) and entry.at - self._last_line >= self._line_seconds:
            self._say(entry, f"{self._progress.phase}: {self._progress.status}")

    def _say(self, entry: Entry, text: str) -> None:
        self._last_line = entry.at
        print(f"[{entry.at:7.1f} s] {text}", file=self._stream, flush=True)


class ProgressView:
    """Shows a progress bar of the phase, with the state of the network. Messages scroll above it."""

    def __init__(self, stream: TextIO) -> None:
        self._state = RunProgress()
        self._bar = _progress_bar(stream)
        self._task = self._bar.add_task("starting", total=None, status="")
        self._bar.start()

    def __call__(self, entry: Entry) -> None:
        self._state.take(entry)
        message = message_of(entry.event)
        if message is not None:
            self._bar.console.print(message, markup=False, highlight=False)
        match entry.event:
            case PhaseStarted(phase, planned):
                self._bar.reset(self._task, total=planned, description=phase, status=self._state.status)
            case PhaseEnded():
                self._bar.update(self._task, status=self._state.status)
            case _:
                self._advance(entry)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def _advance(self, entry: Entry) -> None:
        elapsed = entry.at - self._state.phase_started
        if self._state.phase_seconds is not None:
            elapsed = min(elapsed, self._state.phase_seconds)
        self._bar.update(self._task, completed=elapsed, status=self._state.status)


def _progress_bar(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(file=stream)
    bar_width = _BAR_WIDTH if console.width >= _WIDE_TERMINAL else _NARROW_BAR_WIDTH
    return Progress(
        TextColumn("{task.description:<9}", markup=False),
        BarColumn(bar_width, table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        # On a narrow terminal the status continues in the next line.
        TextColumn("{task.fields[status]}", markup=False, table_column=Column(overflow="fold")),
        console=console,
        refresh_per_second=_REFRESHES_PER_SECOND,
        transient=True,
    )
