"""The last lines of the nodes' logs, and the last warnings and errors in them, as plain text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from nomos_testing.evidence.node_logs import LogLine
from nomos_testing.evidence.run_record import RunRecord

_LAST_LINES: Final = 10
_LAST_WARNINGS: Final = 10
_WARNINGS: Final = {"WARN", "WARNING", "ERROR"}


def log_excerpts(record: RunRecord) -> str:
    """Return the excerpts of all nodes that have a log; empty if none has."""
    return "\n".join(line for node in record.node_names() for line in _excerpt(record, node))


def _excerpt(record: RunRecord, node: str) -> Iterator[str]:
    last: deque[LogLine] = deque(maxlen=_LAST_LINES)
    warnings: deque[LogLine] = deque(maxlen=_LAST_WARNINGS)
    for line in record.log_of(node):
        last.append(line)
        if line.level in _WARNINGS:
            warnings.append(line)
    earlier = [line for line in warnings if line not in last]
    if earlier:
        yield f"{node}, last warnings and errors:"
        yield from map(_shown, earlier)
    if last:
        yield f"{node}, last lines:"
        yield from map(_shown, last)


def _shown(line: LogLine) -> str:
    head = " ".join(part for part in (line.level, f"{line.target}:" if line.target else "", line.text) if part)
    return f"  {line.at:9.3f}  {head}"
