"""The record of a run: its journal, its plan and its nodes' logs, read once and shared by all reports."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nomos_testing.evidence.node_clocks import NodeClock, RightTimes
from nomos_testing.evidence.node_logs import LogLine, log_files, read_log
from nomos_testing.evidence.summary import RunSummary, summarise
from nomos_testing.journal.events import RunEnvironment
from nomos_testing.journal.journal import JOURNAL_NAME, Entry, read_journal
from nomos_testing.runtime.run_directory import PLAN_NAME


class NotARun(Exception):
    """A directory that holds no run. The text says what is missing and what to give instead."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that a run has left behind."""

    directory: Path
    """The run directory, absolute."""
    entries: tuple[Entry, ...]
    """The journal."""
    plan: Mapping[str, Any]
    """``plan.json``; empty if the run ended before it was written."""
    summary: RunSummary
    """The summary of the journal."""
    log_sizes: Mapping[Path, int] | None = None
    """Bytes of each log file that belong to the record, of a run that goes on; None: whole files."""

    @property
    def began(self) -> float:
        """When the journal was opened, in seconds of the Unix epoch."""
        for entry in self.entries:
            if entry.time:
                return datetime.fromisoformat(entry.time).timestamp() - entry.at
        return 0.0

    @property
    def duration(self) -> float:
        """Seconds from the opening of the journal to its last entry."""
        return self.entries[-1].at if self.entries else 0.0

    @property
    def environment(self) -> RunEnvironment | None:
        """The machine and the programs of the run; None in journals of earlier versions."""
        return next((entry.event for entry in self.entries if isinstance(entry.event, RunEnvironment)), None)

    def node_names(self) -> list[str]:
        """Return the names of all nodes that the run has had, validators first."""
        named = {entry.event.node for entry in self.entries if isinstance(getattr(entry.event, "node", None), str)}
        directories = {path.name for path in self.directory.glob("*/")}
        roles = ("validator-", "executor-")
        found = [name for name in named | directories if name.startswith(roles)]
        return sorted(found, key=lambda name: (not name.startswith(roles[0]), len(name), name))

    def log_of(self, node: str) -> Iterator[LogLine]:
        """Yield the lines of a node's log in the order of their times. A line that two files have comes once.

        The times of a clock that was put off by a fault are put right.
        """
        files = [self._lines(path, node) for path in log_files(self.directory / node)]
        last: tuple[float, str] | None = None
        for line in heapq.merge(*files, key=lambda line: line.at):
            if (line.at, line.text) != last:
                yield line
            last = (line.at, line.text)

    def _lines(self, path: Path, node: str) -> Iterator[LogLine]:
        size = None if self.log_sizes is None else self.log_sizes.get(path, 0)
        lines = read_log(path, node, self.began, size=size)
        clock = NodeClock(node, self.entries)
        return map(RightTimes(clock).of, lines) if clock.was_put_off else lines


def read_run(directory: Path) -> RunRecord:
    """Read a run directory. A torn last line of the journal is left out; other bad lines are ``UnreadableLine``.

    Raises:
        NotARun: there is no journal.
    """
    directory = directory.absolute()
    journal = directory / JOURNAL_NAME
    try:
        entries = tuple(read_journal(journal))
    except OSError as error:
        raise NotARun(
            f"{directory} is no run directory: {JOURNAL_NAME} cannot be read: {error.strerror}\n"
            "  -> give the directory of one run, such as .tmp/runs/demo-20260101-120000-1a2b"
        ) from error
    return RunRecord(directory, entries, _plan(directory / PLAN_NAME), summarise(entries))


def _plan(path: Path) -> Mapping[str, Any]:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the run ended before its plan was written, or while it was
        return {}
    return plan if isinstance(plan, dict) else {}
