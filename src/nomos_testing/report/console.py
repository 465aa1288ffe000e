"""The summary of a run for the terminal: judgements, nodes, phases, and where the evidence is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from nomos_testing.report.faults import add_fault_rows
from nomos_testing.report.summary import RunSummary, summarise
from nomos_testing.runtime.journal import Entry
from nomos_testing.runtime.journal_events import PhaseEnded, UnreadableLine
from nomos_testing.runtime.outcome import outcome_of

if TYPE_CHECKING:
    from rich.table import Table

_LONGEST_VALUE = 60
_SHOWN_UNREADABLE_LINES = 3
_SHOWN_CHARACTERS = 40
"""Of a line that cannot be read."""
_PLAIN_WIDTH = 120
"""Columns where there is no terminal to ask."""


def print_summary(entries: Iterable[Entry], stream: TextIO | None = None) -> None:
    """Print what the journal's entries come to (``read_journal(verdict.run_directory / "journal.jsonl")``)."""
    from rich.console import Console
    from rich.text import Text

    summary = summarise(entries)
    file = sys.stdout if stream is None else stream
    # Square brackets of observations and errors are text.
    console = Console(file=file, markup=False, highlight=False, width=None if file.isatty() else _PLAIN_WIDTH)
    for table in (_expectations(summary), _faults(summary), _nodes(summary), _phases(summary)):
        if table.row_count:
            console.print(table)
    for line in _lines(summary):
        console.print(Text(line), soft_wrap=not console.is_terminal)
    style = "bold green" if summary.outcome == "passed" else "bold red"
    console.print(Text(_headline(summary), style=style), soft_wrap=not console.is_terminal)


def _headline(summary: RunSummary) -> str:
    name = summary.started.scenario if summary.started is not None else "run"
    failure = "" if summary.failure is None or summary.outcome == "passed" else f": {summary.failure}"
    return f"{name} {summary.outcome}{failure}"


def _lines(summary: RunSummary) -> Iterable[str]:
    started = summary.started
    if started is not None and any(phase.phase == "run" for phase in summary.phases):
        yield _blocks_line(summary)
    yield from summary.workloads
    if summary.fell_behind is not None and summary.outcome != "failed":  # what failed says so itself
        yield str(summary.fell_behind)
    for raised in summary.raised:
        yield f"{raised.where} raised {raised.error}" + (f" ({raised.location})" if raised.location else "")
    yield from _unreadable_lines(summary.unreadable)
    if started is not None:
        kept = "journal, plan and configurations" if summary.outcome == "passed" else "evidence"
        yield f"{kept}: {started.directory}"


def _unreadable_lines(lines: Sequence[UnreadableLine]) -> Iterable[str]:
    if not lines:
        return
    yield f"{len(lines)} line{'s' if len(lines) > 1 else ''} of the journal cannot be read:"
    for line in lines[:_SHOWN_UNREADABLE_LINES]:
        yield f"  line {line.number}, {line.start[:_SHOWN_CHARACTERS]!r}: {line.reason}"
    if len(lines) > _SHOWN_UNREADABLE_LINES:
        yield f"  and {len(lines) - _SHOWN_UNREADABLE_LINES} more"


def _blocks_line(summary: RunSummary) -> str:
    assert summary.started is not None
    slot = summary.started.slot_seconds
    average = f", {summary.started.run_seconds / slot:g} slots" if slot else ""
    return (
        f"blocks during the run: {summary.blocks_in_run} seen, {summary.started.expected_blocks} expected "
        f"(lottery's average {summary.started.lottery_expected_blocks:.1f}{average})"
    )


def _expectations(summary: RunSummary) -> Table:
    from rich.text import Text

    table = _table("expectation", "observed", "required", "verdict", wraps="observed")
    for judged in summary.judgements:
        outcome = outcome_of(passed=judged.passed, errored=judged.errored)
        verdict = Text(outcome, style="green" if judged.passed else "red")
        table.add_row(judged.expectation, shown(judged.observed), shown(judged.required), verdict)
    return table


def _faults(summary: RunSummary) -> Table:
    table = _table("fault", "at", "lasted", "took effect", "recovered", "deepest reorg", wraps="fault")
    add_fault_rows(table, summary.faults, summary.started.slot_seconds if summary.started is not None else None)
    return table


def _nodes(summary: RunSummary) -> Table:
    from rich.text import Text

    table = _table("node", "height", "peers", "reorgs", "state", wraps="state")
    for node in summary.nodes.values():
        ended = node.ended_unexpectedly
        state = Text(f"ended: {ended}", style="red") if ended else Text("ran to the end")
        table.add_row(node.name, shown(node.height), shown(node.peers), str(node.reorganisations), state)
    return table


def _phases(summary: RunSummary) -> Table:
    table = _table("phase", "seconds", "", wraps="")
    for phase in summary.phases:
        table.add_row(phase.phase, f"{phase.seconds:.2f}", _ended_by(phase, summary))
    return table


def _ended_by(phase: PhaseEnded, summary: RunSummary) -> str:
    if phase.error is None:
        return ""
    told_below = summary.failure is not None and phase.error in summary.failure
    return "ended the run, see below" if told_below else phase.error.partition("\n")[0]


def _table(*columns: str, wraps: str) -> Table:
    """``wraps`` is the column that gives way where the terminal is narrow."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column != wraps)
    return table


def shown(value: Any) -> str:
    """An observation in a table's cell: a mapping of numbers as its range where it is long."""
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        listed = ", ".join(f"{name} {item}" for name, item in value.items())
        if len(listed) > _LONGEST_VALUE and value and all(isinstance(item, int | float) for item in value.values()):
            lowest, highest = min(value.values()), max(value.values())
            return (
                f"{lowest} to {highest} ({len(value)} nodes)" if lowest < highest else f"{lowest} ({len(value)} nodes)"
            )
        return listed
    return str(value)
