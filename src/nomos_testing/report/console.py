"""The summary of a run for the terminal: judgements, nodes, phases, and the place of the evidence."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nomos_testing.evidence.summary import RunSummary, summarise
from nomos_testing.journal.events import PhaseEnded
from nomos_testing.journal.journal import Entry
from nomos_testing.outcome import outcome_of
from nomos_testing.report.faults import add_fault_rows
from nomos_testing.runtime.run_directory import REPORT_NAME

if TYPE_CHECKING:
    from rich.table import Table

_LONGEST_VALUE = 60
_SHOWN_EVIDENCE_LINES = 5
_SHOWN_UNREADABLE_LINES = 3
_SHOWN_CHARACTERS = 40
"""Shown characters of a line that cannot be read."""
_PLAIN_WIDTH = 120
"""Columns if the output is no terminal."""


def print_summary(entries: Iterable[Entry], stream: TextIO | None = None) -> None:
    """Print the summary of a journal (``read_journal(verdict.run_directory / "journal.jsonl")``)."""
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
    word = summary.outcome if summary.verdict is None else summary.kind
    return f"{name} {word}{failure}"


def _lines(summary: RunSummary) -> Iterable[str]:
    started = summary.started
    if started is not None and any(phase.phase == "run" for phase in summary.phases):
        yield _blocks_line(summary)
    yield from summary.workloads
    yield from _evidence_lines(summary)
    if summary.fell_behind is not None and summary.outcome != "failed":  # the text of a failure says it already
        yield str(summary.fell_behind)
    for raised in summary.raised:
        yield f"{raised.where} raised {raised.error}" + (f" ({raised.location})" if raised.location else "")
    yield from _unreadable_lines(summary)
    if started is not None:
        kept = "report, journal, plan and configurations" if summary.outcome == "passed" else "evidence"
        report = Path(started.directory, REPORT_NAME)
        if summary.outcome != "passed" and report.is_file():
            yield f"report: {report}"
        yield f"{kept}: {started.directory}"


def _unreadable_lines(summary: RunSummary) -> Iterable[str]:
    lines = summary.unreadable
    if not lines:
        return
    yield f"{summary.unreadable_lines}:"
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
        observed = shown(_with_ends(judged.observed, summary))
        table.add_row(judged.expectation, observed, shown(judged.required), verdict)
    return table


def _with_ends(observed: Any, summary: RunSummary) -> Any:
    """Add to an expectation's observations of nodes how the nodes ended."""
    if not isinstance(observed, Mapping):
        return observed
    ends = {name: node.ended_unexpectedly for name, node in summary.nodes.items() if node.ended_unexpectedly}
    return {
        name: f"{value} ({ends[name]})" if isinstance(value, str) and name in ends else value
        for name, value in observed.items()
    }


def _evidence_lines(summary: RunSummary) -> Iterable[str]:
    """Give the evidence of failed expectations, without lines that their messages have already."""
    for judged in summary.judgements:
        lines = [line for line in judged.evidence if line not in judged.message]
        if judged.passed or not lines:
            continue
        yield f"{judged.expectation}:"
        yield from (f"  {line}" for line in lines[:_SHOWN_EVIDENCE_LINES])
        if len(lines) > _SHOWN_EVIDENCE_LINES:
            yield f"  and {len(lines) - _SHOWN_EVIDENCE_LINES} more in the journal"


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
    """Make a table. ``wraps`` is the column that wraps on a narrow terminal."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column != wraps)
    return table


def shown(value: Any) -> str:
    """Return an observation as a cell's text. Of a long mapping, the numbers are shortened to their range."""
    if value is None:
        return "-"
    if not isinstance(value, Mapping):
        return str(value)
    listed = _listed(value)
    if len(listed) <= _LONGEST_VALUE:
        return listed
    numbers = {name: item for name, item in value.items() if isinstance(item, int | float)}
    texts = {name: item for name, item in value.items() if name not in numbers}
    return ", ".join(part for part in (_listed(texts), _range(numbers)) if part)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {item}" for name, item in values.items())


def _range(numbers: Mapping[str, int | float]) -> str:
    """Give the range of numbers: ``validator-1 3, others 13 to 14 (4 nodes)``. A single lowest one is named."""
    if not numbers:
        return ""
    (lowest, low), *others = sorted(numbers.items(), key=lambda item: item[1])
    if not others or low == others[0][1]:
        return _spread(list(numbers.values()))
    return f"{lowest} {low}, others {_spread([number for _, number in others])}"


def _spread(numbers: Sequence[int | float]) -> str:
    low, high = min(numbers), max(numbers)
    nodes = f"({len(numbers)} node{'s' * (len(numbers) != 1)})"
    return f"{low} to {high} {nodes}" if low < high else f"{low} {nodes}"
