"""The log lines of a run's nodes, with their times on the journal's clock.

The files are those of every deployer: ``__logs.*``, ``stdout.log`` and ``stderr.log`` of a process, ``container.log``
of a container, ``pod.log`` of a pod, and what a remote node wrote to files of its own. Nothing in a line is trusted:
control characters and colour codes are taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_PATTERNS: Final = ("__logs*", "*.log", "logs/**/*")
_HEAD: Final = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|\+00:00)\s+"
    r"(?P<level>[A-Z]+)\s+(?:(?P<target>[\w:.\-]+): )?"
)
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LONGEST_LINE: Final = 4000
"""Characters of a line that are kept."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a node's log."""

    at: float
    """Seconds since the journal was opened. A line without a time has that of the line before it."""
    node: str
    """Name of the node."""
    level: str
    """``INFO``, ``WARN``, ``ERROR``; empty if the line has none."""
    target: str
    """The part of the node that wrote it: ``nomos_mempool``; empty if the line has none."""
    text: str
    """The message."""
    file: Path
    """The file that has it."""
    number: int
    """Number of the line in its file, from 1."""


def plain_text(text: str) -> str:
    """Return a text without control characters and colour codes. A tab becomes a space."""
    if text.isprintable():  # nearly every line, and much faster
        return text
    return _CONTROLS.sub("", _ESCAPES.sub("", text).replace("\t", " "))


def log_files(node_directory: Path) -> list[Path]:
    """Return the log files in the directory of a node, the oldest file of each kind first."""
    found = {path: None for pattern in _PATTERNS for path in sorted(node_directory.glob(pattern)) if path.is_file()}
    return list(found)


def read_log(path: Path, node: str, journal_began: float, *, size: int | None = None) -> Iterator[LogLine]:
    """Yield the lines of one log file.

    Args:
        path: the file. One that cannot be read has no lines.
        node: the node's name.
        journal_began: when the journal was opened, in seconds of the Unix epoch.
        size: the number of bytes to read; None: all there are.
    """
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        yield from read_lines(file if size is None else _first(file, size), path, node, journal_began)


def _first(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the lines that end within the first bytes."""
    for line in lines:
        size -= len(line)
        if size < 0:
            return
        yield line


def read_lines(
    lines: Iterable[bytes], path: Path, node: str, journal_began: float, *, at: float = 0.0
) -> Iterator[LogLine]:
    """Yield the log lines of a piece of a file. They are numbered from the start of the piece.

    Args:
        lines: the piece.
        path: the file.
        node: the node's name.
        journal_began: when the journal was opened, in seconds of the Unix epoch.
        at: the time of lines before the first one that has a time.
    """
    for number, raw in enumerate(lines, start=1):
        line = plain_text(raw[: 4 * LONGEST_LINE].decode(errors="replace").rstrip("\r\n"))[:LONGEST_LINE]
        head = _HEAD.match(line)
        if head is None:
            yield LogLine(at, node, "", "", line, path, number)
            continue
        at = datetime.fromisoformat(head["time"] + "+00:00").timestamp() - journal_began
        yield LogLine(at, node, head["level"], head["target"] or "", line[head.end() :], path, number)
