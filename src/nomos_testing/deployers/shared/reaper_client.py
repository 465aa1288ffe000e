"""Starts a run's reaper and tells it what to clean up if this process is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nomos_testing.deployers.shared import reaper as reaper_program
from nomos_testing.deployers.shared.reaper import start_ticks

_END_SECONDS = 1.0
RUN_LABEL: Final = "logos-blockchain-testing.run"
"""Label of everything that a run makes in Docker or on a cluster, with the name of the run's stack or release.

The reaper's commands find things by it.
"""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Things of one kind that a killed run leaves outside of its processes and files."""

    what: str
    """Their name in the plural: ``containers``."""
    listing: tuple[str, ...]
    """The command that prints the names of those that are there."""
    removing: tuple[str, ...]
    """The command that removes the things whose names follow."""


class Reaper:
    """A process that outlives this one. Tell it of every process group as soon as the group exists."""

    def __init__(self, journal: Path, journal_opened: float) -> None:
        """
        Args:
            journal: gets a line when the reaper had to act.
            journal_opened: ``time.monotonic()`` of the journal's opening.
        """
        # By file, isolated and without site: it starts in 20 ms and nothing in the environment can break it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper_program.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._tell({"journal": str(journal), "opened": journal_opened})

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch_group(self, pid: int) -> None:
        self._tell({"group": pid, "started": start_ticks(pid)})

    def forget_group(self, pid: int) -> None:
        self._tell({"forget": pid})

    def remove(self, path: Path) -> None:
        """Have a temporary file or directory removed."""
        self._tell({"path": str(path.absolute())})

    def remove_listed(self, leftovers: Leftovers, environ: Mapping[str, str]) -> None:
        """Have all things of one kind removed by commands that run in this environment."""
        self._tell(
            {
                "what": leftovers.what,
                "list": list(leftovers.listing),
                "remove": list(leftovers.removing),
                "environ": dict(environ),
            }
        )

    def dismiss(self) -> None:
        """Tell it that everything is cleaned up, and wait for its end."""
        self._tell({"done": True})
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # someone killed the reaper; the run itself goes on
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
