"""Reads the lines of log files on this machine. A file that is not there has none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_TAIL_BYTES: Final = 64 * 1024


def lines_from(path: Path, position: int) -> list[str]:
    """Return the lines after a position, in bytes."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def last_lines(path: Path, lines: int) -> list[str]:
    """Return the last lines, of at most 64 KB."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []
