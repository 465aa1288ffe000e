"""Cleans up after a runner that was killed: ``python -m nomos_testing.deployers.shared.reaper``.

The runner holds the other end of stdin and writes a JSON line for each thing to clean up:

- ``{"group": pid, "started": ticks}``: a process group to kill; ``{"forget": pid}``: it has ended.
- ``{"path": "..."}``: a file or directory to remove.
- ``{"what": "containers", "list": argv, "remove": argv, "environ": {...}}``: ``list`` prints the names of things that
  are left, and ``remove``, followed by these names, removes them. A ``list`` that fails says nothing about what is
  left: it is repeated for up to a minute.
- ``{"journal": path, "opened": seconds}``: the journal of the run.
- ``{"done": true}``: the runner has cleaned up by itself.

If the pipe closes without ``done``, the runner has died. The reaper then kills the groups, removes the listed things
and the files, and appends a line to the journal. It keeps the evidence.

The module imports nothing of the project, so that it starts fast and an error elsewhere cannot break it.
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
"""Time without a finding and without a failure after which the reaper ends.

A daemon continues to make what it was asked to make.
"""
_SWEEP_SECONDS = 60.0
_COMMAND_SECONDS = 20.0


class CleanupList:
    """The things that the runner has started and not cleaned up yet."""

    def __init__(self) -> None:
        self.groups: dict[int, int | None] = {}
        self.paths: list[str] = []
        self.listings: list[dict[str, Any]] = []
        """Removed in this order in each round: a container goes before its network."""
        self.journal: dict[str, Any] | None = None
        self.done = False

    def note(self, message: dict[str, Any]) -> None:
        match message:
            case {"group": int(pid)}:
                self.groups[pid] = message.get("started")
            case {"forget": int(pid)}:
                self.groups.pop(pid, None)
            case {"path": str(path)}:
                self.paths.append(path)
            case {"what": str(), "list": list(), "remove": list()}:
                self.listings.append(message)
            case {"journal": str()}:
                self.journal = message
            case {"done": True}:
                self.done = True

    def clean_up(self) -> int:
        """Kill the groups, remove the listed things and the files; return the number of groups killed."""
        killed = sum(_kill_group(pid, started) for pid, started in self.groups.items())
        removed, unlisted = _sweep(self.listings)
        for path in self.paths:
            _remove(path)
        if self.journal is not None:
            _append(self.journal, _summary(killed, removed, unlisted))
        return killed


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot. A later process with the same id has another start."""
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


def _sweep(listings: list[dict[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """Remove all that is listed until nothing new comes.

    Return the number of things that were there, by kind, and the kinds that could not be listed in the last round.
    """
    found: dict[str, set[str]] = {listing["what"]: set() for listing in listings}
    unlisted: list[str] = []
    quiet_since = None
    deadline = time.monotonic() + _SWEEP_SECONDS
    while listings and time.monotonic() < deadline:
        quiet, unlisted = True, []
        for listing in listings:
            what, environ = listing["what"], listing.get("environ")
            listed = _run(listing["list"], environ)
            if listed is None:  # the daemon or the cluster may be starting again
                unlisted.append(what)
            elif names := listed.split():
                _run([*listing["remove"], *names], environ)
                found[what].update(names)
                quiet = False
        if unlisted or not quiet:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > _QUIET_SECONDS:
            break
        time.sleep(0.2)
    return {what: len(names) for what, names in found.items()}, unlisted


def _run(argv: list[str], environ: dict[str, str] | None) -> str | None:
    """Return the standard output of a command; None where it fails or takes too long.

    A program that is not there has nothing to list, now or later: its output is empty.
    """
    try:
        done = subprocess.run(
            argv,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except OSError:
        return ""
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else done.stdout.decode(errors="replace")


def _append(journal: dict[str, Any], summary: str) -> None:
    line = {
        "at": round(time.monotonic() - journal.get("opened", time.monotonic()), 6),
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "kind": "run_ended",
        "outcome": "killed",
        "detail": f"the runner died without a word; the reaper {summary}",
    }
    with suppress(OSError), open(journal["journal"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _summary(killed: int, removed: dict[str, int], unlisted: list[str]) -> str:
    groups = f"killed {killed} process groups"
    done = f"{groups} and removed " + ", ".join(f"{n} {what}" for what, n in removed.items()) if removed else groups
    return f"{done}; {' and '.join(unlisted)} may be left, because they could not be listed" if unlisted else done


def read_cleanup_list(source: IO[str]) -> CleanupList:
    """Listen until the runner has ended."""
    cleanup = CleanupList()
    for line in source:
        with suppress(ValueError):  # the runner's death may cut a line short
            cleanup.note(json.loads(line))
        if cleanup.done:
            break
    return cleanup


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    cleanup = read_cleanup_list(sys.stdin)
    if not cleanup.done:
        cleanup.clean_up()


if __name__ == "__main__":
    main()
