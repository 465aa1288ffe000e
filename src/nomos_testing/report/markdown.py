"""The report of a run as Markdown, for an issue or the summary of a CI job."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.evidence.inclusion import Inclusion
from nomos_testing.evidence.node_series import Series
from nomos_testing.evidence.numbers import RunNumbers, numbers_of
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.evidence.summary import RunSummary
from nomos_testing.outcome import VerdictKind, outcome_of
from nomos_testing.report.console import shown
from nomos_testing.report.markdown_text import block, code, table
from nomos_testing.report.quantities import percentile_cells, shown_figure, shown_megabytes, shown_seconds

_MOST_LINES = 30
"""Lines of a block of evidence or of a failure."""
_MOST_ROWS = 50
"""Rows of a table of reorganisations or faults. The JSON report has all."""
_SHOWN_ID = 12
"""Characters of the id of a block."""


def write_markdown(record: RunRecord) -> str:
    """Return the report of a run as Markdown: verdict and reasons first, then the figures."""
    numbers = numbers_of(record)
    parts = [
        *_verdict(record),
        *_expectations(record.summary),
        _blocks(record, numbers),
        *_network(numbers),
        *_work(numbers),
        *_origin(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(record: RunRecord) -> Iterator[str]:
    summary = record.summary
    name = summary.started.scenario if summary.started is not None else record.directory.name
    yield f"## {code(name)}: {verdict_text(summary)}"
    if summary.kind is not VerdictKind.PASSED and summary.failure:
        yield block(bounded(summary.failure.split("\n")))
    yield from _causes(record)
    if summary.fell_behind is not None:
        yield f"**The machine was overloaded:** {code(summary.fell_behind)}"
    for raised in summary.raised:
        yield f"{code(raised.where)} raised {code(raised.error)} {code(raised.location or '')}".rstrip()
    if summary.unreadable:
        yield f"{summary.unreadable_lines}."


def _causes(record: RunRecord) -> Iterator[str]:
    for cause in diagnose(record):
        yield f"**Cause ({cause.confidence}):** {code(cause.title)}  \n**Try:** {code(cause.remedy)}"
        if cause.done_to_it is not None:
            yield f"Done to it: {code(cause.done_to_it)}"
        if cause.says:
            yield block(bounded(list(cause.says)))


def verdict_text(summary: RunSummary) -> str:
    """Return the kind of the verdict, also of a run that has none."""
    return str(summary.kind) if summary.kind is not None else "not ended"


def bounded(lines: list[str]) -> list[str]:
    """Leave out lines that are too many, and say so."""
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more"]


def _expectations(summary: RunSummary) -> Iterator[str]:
    rows = [
        [
            code(judged.expectation),
            outcome_of(passed=judged.passed, errored=judged.errored),
            code(shown(judged.observed)),
            code(shown(judged.required)),
        ]
        for judged in sorted(summary.judgements, key=lambda judged: judged.passed)
    ]
    yield _titled("Expectations", table(("expectation", "verdict", "observed", "required"), rows))
    for judged in summary.judgements:
        lines = [line for line in judged.evidence if line not in judged.message]
        if lines and not judged.passed:
            yield f"Evidence of {code(judged.expectation)}:"
            yield block(bounded(lines))


def _blocks(record: RunRecord, numbers: RunNumbers) -> str:
    started = record.summary.started
    if started is None or numbers.run_phase is None:
        return ""
    beside = len(numbers.blocks) - len(numbers.canonical)
    return (
        f"Blocks: {record.summary.blocks_in_run} seen during the run, {started.expected_blocks} expected; "
        f"{len(numbers.canonical)} on the longest chain at the end, {beside} beside it."
    )


def _network(numbers: RunNumbers) -> Iterator[str]:
    yield _titled("Nodes", _nodes(numbers))
    yield _titled("Faults", _faults(numbers))
    columns = ("node", "p50", "p90", "p99", "arrivals")
    rows = [[code(node), *percentile_cells(found)] for node, found in numbers.propagation.items()]
    yield _titled("Propagation of blocks", table(columns, rows))
    yield _titled("Reorganisations", _reorganisations(numbers))


def _nodes(numbers: RunNumbers) -> str:
    columns = (
        "node",
        "height",
        "cpu, average",
        "memory, most",
        "disk, most",
        "mempool, most",
        "restarts",
        "ended by itself",
    )
    rows = []
    for node in numbers.nodes:
        life = numbers.lives.get(node)
        ends = [] if life is None else [end.status for end in life.ends if not end.expected]
        heights = numbers.heights.get(node, ())
        rows.append(
            [
                code(node),
                f"{heights[-1][1]:g}" if heights else "-",
                _average(numbers.series.get("cpu", {}).get(node, ())),
                _most(numbers, "memory", node),
                _most(numbers, "disk", node),
                _most(numbers, "mempool", node),
                str(life.restarts) if life is not None else "-",
                code(", ".join(ends)) or "-",
            ]
        )
    return table(columns, rows)


def _average(points: Series) -> str:
    return shown_figure(sum(value for _, value in points) / len(points)) if points else "-"


def _most(numbers: RunNumbers, metric: str, node: str) -> str:
    points = numbers.series.get(metric, {}).get(node, ())
    if not points:
        return "-"
    most = max(value for _, value in points)
    return f"{most:g}" if metric == "mempool" else shown_megabytes(most)


def _faults(numbers: RunNumbers) -> str:
    rows = [
        [
            str(fault.number),
            code(fault.text),
            shown_seconds(fault.began),
            "not healed" if fault.ended is None else shown_seconds(fault.ended - fault.began),
            "**no**" if fault.recovered_slots is None else f"{fault.recovered_slots:g} slots",
            str(fault.deepest_reorganisation or "-"),
        ]
        for fault in numbers.fault_windows
    ]
    return _cut(("fault", "what", "at", "lasted", "recovered after", "deepest reorganisation"), rows)


def _reorganisations(numbers: RunNumbers) -> str:
    rows = [
        [
            shown_seconds(item.at),
            code(item.node),
            str(item.abandoned),
            str(item.adopted),
            code(item.ancestor[:_SHOWN_ID]),
        ]
        for item in numbers.reorganisations
    ]
    return _cut(("at", "node", "blocks left", "blocks taken", "common ancestor"), rows)


def _cut(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    text = table(columns, rows[:_MOST_ROWS])
    return text if len(rows) <= _MOST_ROWS else f"{text}\n\nand {len(rows) - _MOST_ROWS} more"


def _work(numbers: RunNumbers) -> Iterator[str]:
    columns = ("", "planned", "sent", "included", "latency p50", "p90", "p99", "measured")
    rows = [
        _items(name, found)
        for name, found in (("transactions", numbers.transactions), ("blobs", numbers.blobs))
        if found is not None
    ]
    yield _titled("Transactions and blobs", table(columns, rows))
    yield _titled("Phases", table(("phase", "took", "error"), _phases(numbers)))


def _items(name: str, found: Inclusion) -> list[str]:
    return [name, str(found.planned), str(found.sent), str(found.included), *percentile_cells(found.latency)]


def _phases(numbers: RunNumbers) -> Iterator[list[str]]:
    for phase in numbers.phases:
        error = (phase.error or "").partition("\n")[0]
        yield [code(phase.name), "not ended" if phase.seconds is None else f"{phase.seconds:.2f} s", code(error)]


def _origin(record: RunRecord) -> Iterator[str]:
    started = record.summary.started
    if started is not None:
        yield (
            f"Run {code(started.run_id)} on {code(started.deployer)}, seed {started.seed}, "
            f"{started.run_seconds:g} s planned, machine factor {started.machine_factor:.2g}."
        )
    environment = record.environment
    if environment is not None:
        programs = ", ".join(f"{role} {program}" for role, program in environment.nodes.items())
        yield (
            f"Framework {code(environment.version)}, Python {code(environment.python)}, {code(environment.system)}, "
            f"{environment.processors} processors, {code(environment.proofs)} proofs, {code(programs)}."
        )
    obstacle = record.plan.get("replay_obstacle")
    if obstacle:
        yield f"It cannot be repeated from its directory: {code(obstacle)}"
    else:
        yield f"Repeat it with {code(f'nomos-testing replay {shlex.quote(str(record.directory))}')}"


def _titled(title: str, content: str) -> str:
    return f"### {title}\n\n{content}" if content else ""
