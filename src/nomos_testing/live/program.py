"""Starts the live view in this terminal, or writes lines where there is none."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from nomos_testing.journal.events import RunEnded
from nomos_testing.journal.journal import JOURNAL_NAME
from nomos_testing.live.journal_follower import JournalFollower
from nomos_testing.report.live import PlainView

if TYPE_CHECKING:
    from nomos_testing.live.app import WatchApp

_LOOK_SECONDS: Final = 0.25
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000
"""A journal becomes many objects that stay. The usual collections, after 700 objects, take a third of its reading."""


def watch(
    directory: Path, *, speed: float | None = None, start: float | None = None, runner: int | None = None
) -> None:
    """Show a run until the user leaves, or until the run ends if this is no terminal.

    Args:
        directory: the run directory. It need not exist yet.
        speed: play the run back at this speed. Lines are not played back: they come at once.
        start: play the run back from here, in seconds since the journal was opened.
        runner: id of the process whose run is shown in its terminal; None for any other run.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        asyncio.run(write_lines(directory, sys.stdout, start=start or 0.0))
        return
    from nomos_testing.live.control_keys import ControlApp

    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    message = asyncio.run(_shown(ControlApp(directory, speed=speed, start=start, runner=runner)))
    if message:
        print(message, file=sys.stderr)


async def _shown(app: WatchApp) -> str | None:
    """Show the view until it ends. The runner of ``--live`` ends it by SIGTERM. The terminal is then as before."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit)
    return await app.run_async()


async def write_lines(directory: Path, stream: TextIO, *, start: float = 0.0) -> None:
    """Write the lines of ``PlainView`` until the run ends.

    Args:
        directory: the run directory. It need not exist yet.
        stream: takes the lines.
        start: leave out the lines before this moment, in seconds since the journal was opened.
    """
    follower, view = JournalFollower(directory / JOURNAL_NAME), PlainView(stream)
    if not follower.exists:
        print(f"waiting for the run: {follower.path} is not there yet", file=sys.stderr, flush=True)
    while True:
        entries, more = follower.read()
        for entry in entries:
            if entry.at >= start:
                view(entry)
            if isinstance(entry.event, RunEnded):
                print(f"[{entry.at:7.1f} s] the run ended: {entry.event.outcome}", file=stream, flush=True)
                return
        if not more:
            await asyncio.sleep(_LOOK_SECONDS)
