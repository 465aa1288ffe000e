"""The trace of a run, made from its journal after its end: one trace with explicit times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nomos_core.telemetry.spans import AttributeValue, Span
from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored
from nomos_testing.evidence.numbers import numbers_of
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import ExceptionRaised, ExpectationJudged, Notice
from nomos_testing.journal.journal import Entry
from nomos_testing.report.traces.items import add_blobs, add_blocks, add_transactions
from nomos_testing.report.traces.span_tree import Moment, SpanTree
from nomos_testing.report.traces.steps import add_faults, add_nodes, add_phases

SERVICE: Final = "nomos-testing"
"""Name of the service of all these spans. Each node has its own."""


@dataclass(frozen=True, slots=True)
class RunTrace:
    """The trace of a run."""

    spans: tuple[Span, ...]
    """The run itself first; then what belongs to it."""
    resource: dict[str, AttributeValue]
    """Attributes of the run."""


def run_trace(record: RunRecord) -> RunTrace:
    """Make the trace of a run."""
    numbers, summary = numbers_of(record), record.summary
    started = summary.started
    run_id = started.run_id if started is not None else record.directory.name
    tree, end = SpanTree(run_id, record.began), record.duration
    kind = summary.kind
    root = tree.add(
        f"run {started.scenario}" if started is not None else "run",
        0.0,
        end,
        attributes={
            "verdict": kind.value if kind is not None else summary.outcome,
            "slot_seconds": numbers.slot_seconds,
            "directory": str(record.directory),
        },
        moments=_moments(record.entries),
        error=summary.failure,
    )
    add_phases(tree, root, numbers.phases, record.entries, end)
    add_faults(tree, root, numbers.fault_windows, record.entries, end)
    add_nodes(tree, root, record.entries, end)
    add_transactions(tree, root, record.entries)
    add_blobs(tree, root, record.entries)
    add_blocks(tree, root, record.entries)
    resource: dict[str, AttributeValue] = {"service.name": SERVICE, "run.id": run_id}
    if started is not None:
        resource |= {"run.scenario": started.scenario, "run.deployer": started.deployer, "run.seed": started.seed}
    return RunTrace(tuple(tree.spans), resource)


def _moments(entries: Sequence[Entry]) -> list[Moment]:
    found: list[Moment] = []
    for entry in entries:
        match entry.event:
            case ExpectationJudged() as event:
                outcome = "passed" if event.passed else "errored" if event.errored else "failed"
                values = {"message": event.message or None, "evidence": event.evidence or None}
                found.append((entry.at, f"{event.expectation} {outcome}", values))
            case ExceptionRaised() as event:
                values = {"exception.message": event.error, "exception.stacktrace": event.traceback}
                found.append((entry.at, "exception", values))
            case NetworkImpaired() as event:
                found.append((entry.at, "network impaired", {"number": event.number, "description": event.description}))
            case NetworkRestored() as event:
                found.append((entry.at, "network restored", {"numbers": tuple(map(str, event.numbers))}))
            case Notice() as event:
                found.append((entry.at, "notice", {"text": event.text, "level": event.level}))
    return found
