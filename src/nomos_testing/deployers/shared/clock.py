"""Libfaketime: the variables that make a node load it, and its place on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nomos_testing.deployers.shared.errors import Problem

LIBRARY_VARIABLE = "NOMOS_TESTS_FAKETIME_LIB"
_LIBRARY_PLACES = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime", "/opt/homebrew/lib/faketime")
CLOCK_LIBRARY = "libfaketime.so.1"


def clock_environment(library: str, file: str) -> dict[str, str]:
    """Return the variables by which a node's wall clock follows the offset in ``file``.

    Shifts the wall clock only. Timeouts use the monotonic clock and are not affected.

    Args:
        library: libfaketime, where the node finds it.
        file: the file of the offset, where the node finds it.
    """
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": file,
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def find_library(named: Path | None, places: Iterable[str] = _LIBRARY_PLACES) -> Path | Problem:
    """Find the library: the one that was named, else the one of the system."""
    if named is not None:
        if named.is_file():
            return named.absolute()
        return Problem(f"{LIBRARY_VARIABLE}={named} does not exist", f"point {LIBRARY_VARIABLE} to {CLOCK_LIBRARY}")
    for place in places:
        anchor, _, pattern = place.partition("*")
        root = Path(anchor)
        found = sorted(root.glob(f"*{pattern}/{CLOCK_LIBRARY}")) if pattern else [root / CLOCK_LIBRARY]
        for library in found:
            if library.is_file():
                return library
    return Problem(
        "a clock can only be shifted with libfaketime, which is not installed",
        f"install the package faketime, or point {LIBRARY_VARIABLE} to its {CLOCK_LIBRARY}",
    )
