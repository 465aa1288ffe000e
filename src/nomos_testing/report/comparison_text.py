"""The comparison of runs as sentences, and as tables for the terminal, Markdown and JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from nomos_testing.evidence.comparison import ComparedRun, Comparison, Difference, Finding
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.report.as_json import SCHEMA, finite
from nomos_testing.report.markdown_text import code
from nomos_testing.report.markdown_text import table as markdown_table
from nomos_testing.report.quantities import shown_figure, shown_megabytes, shown_seconds

RUN_COLUMNS: Final = (
    "run",
    "directory",
    "scenario",
    "verdict",
    "seed",
    "on",
    "height",
    "blocks seen",
    "forks",
    "restarts",
)
DIFFERENCE_COLUMNS: Final = ("measure", "runs", "first", "other", "ratio", "finding")
_PLAIN_WIDTH: Final = 160
"""Columns of the tables if the output is no terminal."""


def statement(difference: Difference) -> str:
    """Return a difference as a sentence: ``latency of transactions, p50: 3.1 s -> 4.9 s, 1.6 times; beyond noise``."""
    if difference.typical is None:
        missing = difference.before if difference.first is None else difference.after
        return f"{difference.measure}: not measured in {missing}"
    before, after = (shown_value(value, difference.unit) for value in difference.typical)
    return (
        f"{difference.measure}, {difference.statistic} ({difference.before} -> {difference.after}): "
        f"{before} -> {after}, {shown_ratio(difference.ratio)}; {shown_finding(difference)}"
    )


def shown_value(value: float, unit: str) -> str:
    """Return a value with its unit."""
    if unit == "s":
        return shown_seconds(value)
    if unit == "bytes":
        return shown_megabytes(value)
    return f"{shown_figure(value)} {unit}".rstrip()


def shown_ratio(ratio: float | None) -> str:
    """Return ``1.6 times``."""
    if ratio is None:
        return "-"
    return "from nothing" if math.isinf(ratio) else f"{shown_figure(ratio)} times"


def shown_finding(difference: Difference) -> str:
    """Return the finding, with the chance where it is what decides."""
    if difference.chance is None or difference.finding is not Finding.WITHIN_NOISE:
        return str(difference.finding)
    return f"{difference.finding} (p = {difference.chance:.2g})"


def run_row(run: ComparedRun) -> list[str]:
    """Return the cells of a run under ``RUN_COLUMNS``."""
    summary, numbers = run.record.summary, run.numbers
    started = summary.started
    scenario, seed, deployer = ("-", "-", "-")
    if started is not None:
        scenario, seed, deployer = started.scenario, str(started.seed), started.deployer
    height = max((points[-1][1] for points in numbers.heights.values() if points), default=None)
    return [
        run.label,
        run.record.directory.name,
        scenario,
        str(summary.kind) if summary.kind is not None else "not ended",
        seed,
        deployer,
        "-" if height is None else f"{height:g}",
        str(len(numbers.blocks)),
        str(len(numbers.fork_trees)),
        str(sum(life.restarts for life in numbers.lives.values())),
    ]


def difference_row(difference: Difference) -> list[str]:
    """Return the cells of a difference under ``DIFFERENCE_COLUMNS``."""
    values = ["-", "-"]
    if difference.typical is not None:
        values = [shown_value(value, difference.unit) for value in difference.typical]
    name = f"{difference.measure}, {difference.statistic}"
    runs = f"{difference.before} -> {difference.after}"
    return [name, runs, *values, shown_ratio(difference.ratio), shown_finding(difference)]


def version_rows(comparison: Comparison) -> Iterator[list[str]]:
    """Yield a row for each version or program that is not the same in all runs: its name, and its text in each run."""
    names = {name: None for run in comparison.runs for name in run.versions}
    for name in names:
        texts = [run.versions.get(name, "-") for run in comparison.runs]
        if len(set(texts)) > 1:
            yield [name, *texts]


def title(comparison: Comparison) -> str:
    """Return the title of the comparison: the scenario, and the number of runs."""
    started = comparison.runs[0].record.summary.started
    scenario = f"{started.scenario}: " if started is not None else ""
    return f"{scenario}{len(comparison.runs)} runs compared"


def headline(comparison: Comparison) -> str:
    """Return the result in a sentence."""
    count = len(comparison.beyond_noise)
    first, others = comparison.runs[0].label, ", ".join(run.label for run in comparison.runs[1:])
    if count == 0:
        return f"No difference is beyond noise, of {others} from {first}."
    counted = "1 difference is" if count == 1 else f"{count} differences are"
    return f"{counted} beyond noise, of {others} from {first}:"


def comparison_as_text(comparison: Comparison, width: int | None = None) -> str:
    """Return the comparison for a terminal of some columns."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, markup=False, highlight=False, width=width or _PLAIN_WIDTH, emoji=False)
    lines = [headline(comparison), *(f"  {statement(item)}" for item in comparison.beyond_noise)]
    lines += [f"note: {note}" for note in comparison.notes]
    console.print("\n".join(map(plain_text, lines)))
    _print_table(console, RUN_COLUMNS, map(run_row, comparison.runs), wraps="directory")
    _print_table(console, DIFFERENCE_COLUMNS, map(difference_row, comparison.differences), wraps="measure")
    _print_table(
        console, ("version", *(run.label for run in comparison.runs)), version_rows(comparison), wraps="version"
    )
    return out.getvalue()


def _print_table(console: Any, columns: Sequence[str], rows: Iterator[list[str]], *, wraps: str) -> None:
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column != wraps and len(columns) > len(RUN_COLUMNS))
    for row in rows:
        shown.add_row(*map(plain_text, row))
    if shown.row_count:
        console.print(shown)


def comparison_as_markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    labels = [run.label for run in comparison.runs]
    parts = [
        f"## {code(title(comparison))}\n\n{headline(comparison)}",
        "\n".join(f"- {statement(item)}" for item in comparison.beyond_noise),
        "\n".join(f"- note: {code(note)}" for note in comparison.notes),
        markdown_table(RUN_COLUMNS, [list(map(code, run_row(run))) for run in comparison.runs]),
        markdown_table(DIFFERENCE_COLUMNS, map(difference_row, comparison.differences)),
        markdown_table(("version", *labels), [list(map(code, row)) for row in version_rows(comparison)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_as_json(comparison: Comparison) -> str:
    """Return the comparison as JSON."""
    values = {
        "schema": SCHEMA,
        "runs": [_run_values(run) for run in comparison.runs],
        "differences": [asdict(item) | {"statement": statement(item)} for item in comparison.differences],
        "notes": list(comparison.notes),
    }
    return json.dumps(finite(values), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run_values(run: ComparedRun) -> dict[str, Any]:
    started, summary = run.record.summary.started, run.record.summary
    return {
        "label": run.label,
        "directory": str(run.record.directory),
        "scenario": started.scenario if started is not None else None,
        "seed": started.seed if started is not None else None,
        "kind": summary.kind,
        "versions": run.versions,
    }
