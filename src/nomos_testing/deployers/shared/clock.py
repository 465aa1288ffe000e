"""A node's wall clock under libfaketime: the library is loaded into the process and reads its offset from a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nomos_testing.deployers.shared.errors import Problem

LIBRARY_VARIABLE = "NOMOS_TESTS_FAKETIME_LIB"
_LIBRARY_PLACES = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime", "/opt/homebrew/lib/faketime")
CLOCK_NAME = "clock"
"""The file of a node's offset, in its directory."""
_LIBRARY_NAME = "libfaketime.so.1"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeClock:
    """Only the wall clock is put off; the monotonic one, by which waiting is done, runs on."""

    library: Path
    file: Path

    def environment(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, seconds: float) -> None:
        """Put the clock off by so much; a process that runs sees it at once."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.6f}\n")
        os.replace(fresh, self.file)
        _log.debug("clock %+g s off: %s", seconds, self.file)


def find_library(named: Path | None, places: Iterable[str] = _LIBRARY_PLACES) -> Path | Problem:
    """The library that was named, else the one of the system."""
    if named is not None:
        if named.is_file():
            return named.absolute()
        return Problem(f"{LIBRARY_VARIABLE}={named} does not exist", f"point {LIBRARY_VARIABLE} to {_LIBRARY_NAME}")
    for place in places:
        anchor, _, pattern = place.partition("*")
        root = Path(anchor)
        found = sorted(root.glob(f"*{pattern}/{_LIBRARY_NAME}")) if pattern else [root / _LIBRARY_NAME]
        for library in found:
            if library.is_file():
                return library
    return Problem(
        "a clock can only be put off with libfaketime, which is not installed",
        f"install the package faketime, or point {LIBRARY_VARIABLE} to its {_LIBRARY_NAME}",
    )
