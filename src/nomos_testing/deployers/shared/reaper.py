"""Outlives the runner to clean up after it: ``python -m nomos_testing.deployers.shared.reaper``.

The runner holds the other end of stdin and writes JSON lines as it goes: what to kill
(``{"group": pid, "started": ticks}``), what no longer (``{"forget": pid}``), which files to remove
(``{"path": "..."}``), which containers and networks (``{"docker": argv, "label": "name=value", "environ": {...}}``),
where the journal is (``{"journal": path, "opened": seconds}``), and at the end ``{"done": true}``. When the pipe closes
without that word the runner has died: the groups are killed, containers, networks and files removed, and a line in the
journal says so. Evidence stays.

Imports nothing of the project: it must start fast and survive anything.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any

_QUIET_SECONDS = 1.5
"""The daemon may still be making what it was told to make just before: that long nothing new has to come."""
_SWEEP_SECONDS = 60.0
_COMMAND_SECONDS = 20.0


class Estate:
    """What the runner has left to clean up."""

    def __init__(self) -> None:
        self.groups: dict[int, int | None] = {}
        self.paths: list[str] = []
        self.stacks: list[dict[str, Any]] = []
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
            case {"docker": list(), "label": str()}:
                self.stacks.append(message)
            case {"journal": str()}:
                self.journal = message
            case {"done": True}:
                self.settled = True

    def clean_up(self) -> int:
        """Kill every group, remove every container and file; returns the number of groups that were still there."""
        killed = sum(_kill_group(pid, started) for pid, started in self.groups.items())
        removed = sum(_sweep(stack) for stack in self.stacks)
        for path in self.paths:
            _remove(path)
        if self.journal is not None:
            _append(self.journal, killed, removed if self.stacks else None)
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


def _sweep(stack: dict[str, Any]) -> int:
    """Remove all containers, networks and volumes with a label, until none come any more; how many containers."""
    removed, quiet_since = 0, None
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        containers = _listed(stack, "ps", "--all", "--quiet", "--no-trunc")
        networks = _listed(stack, "network", "ls", "--quiet", "--no-trunc")
        volumes = _listed(stack, "volume", "ls", "--quiet")
        removed += len(containers)
        for remove, found in (
            (("rm", "--force", "--volumes"), containers),
            (("network", "rm"), networks),
            (("volume", "rm"), volumes),
        ):
            if found:
                _docker(stack, *remove, *found)
        if containers or networks or volumes:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > _QUIET_SECONDS:
            break
        time.sleep(0.2)
    return removed


def _listed(stack: dict[str, Any], *command: str) -> list[str]:
    return _docker(stack, *command, "--filter", f"label={stack['label']}").split()


def _docker(stack: dict[str, Any], *arguments: str) -> str:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [*stack["docker"], *arguments],
            env=stack.get("environ"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        return done.stdout.decode(errors="replace")
    return ""


def _append(journal: dict[str, Any], killed: int, removed: int | None) -> None:
    line = {
        "at": round(time.monotonic() - journal.get("opened", time.monotonic()), 6),
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "kind": "run_ended",
        "outcome": "killed",
        "detail": f"the runner died without a word; the reaper {_deeds(killed, removed)}",
    }
    with suppress(OSError), open(journal["journal"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _deeds(killed: int, removed: int | None) -> str:
    groups = f"killed {killed} process groups"
    return groups if removed is None else f"{groups} and removed {removed} containers"


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
