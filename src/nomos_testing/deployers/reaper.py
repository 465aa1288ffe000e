"""Outlives the runner to clean up after it: ``python -m nomos_testing.deployers.reaper``.

The runner holds the other end of stdin and writes JSON lines as it goes: what to kill
(``{"group": pid, "started": ticks}``), what no longer (``{"forget": pid}``), which files to remove
(``{"path": "..."}``), where the journal is (``{"journal": path, "opened": seconds}``), and at the end
``{"done": true}``. When the pipe closes without that word the runner has died: the groups are killed, the files
removed, and a line in the journal says so. Evidence stays.

Imports nothing of the project: it must start fast and survive anything.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any


class Estate:
    """What the runner has left to clean up."""

    def __init__(self) -> None:
        self.groups: dict[int, int | None] = {}
        self.paths: list[str] = []
        self.journal: dict[str, Any] | None = None
        self.settled = False

    def note(self, message: dict[str, Any]) -> None:
        match message:
            case {"group": int(pid)}:
                self.groups[pid] = message.get("started")
            case {"forget": int(pid)}:
                self.groups.pop(pid, None)
            case {"path": str(path)}:
                self.paths.append(path)
            case {"journal": str()}:
                self.journal = message
            case {"done": True}:
                self.settled = True

    def clean_up(self) -> int:
        """Kill every group and remove every file; returns the number of groups that were still there."""
        killed = sum(_kill_group(pid, started) for pid, started in self.groups.items())
        for path in self.paths:
            _remove(path)
        if self.journal is not None:
            _append(self.journal, killed)
        return killed


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot: tells it from a later one with the same id."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def _kill_group(pid: int, started: int | None) -> bool:
    now = start_ticks(pid)
    if now is not None and started is not None and now != started:
        return False
    # Just forked, it may not lead its group yet: then the process itself, if that is still the same.
    kills = (os.killpg, os.kill) if now is not None else (os.killpg,)
    for kill in kills:
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
            return True
    return False


def _remove(path: str) -> None:
    with suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def _append(journal: dict[str, Any], killed: int) -> None:
    line = {
        "at": round(time.monotonic() - journal.get("opened", time.monotonic()), 6),
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "kind": "run_ended",
        "outcome": "killed",
        "detail": f"the runner died without a word; the reaper killed {killed} process groups",
    }
    with suppress(OSError), open(journal["journal"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read_estate(source: IO[str]) -> Estate:
    """Listen until the runner has ended."""
    estate = Estate()
    for line in source:
        with suppress(ValueError):  # a line cut short by the runner's death
            estate.note(json.loads(line))
        if estate.settled:
            break
    return estate


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    estate = read_estate(sys.stdin)
    if not estate.settled:
        estate.clean_up()


if __name__ == "__main__":
    main()
