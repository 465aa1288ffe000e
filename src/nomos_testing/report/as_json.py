"""The report of a run as JSON. ``docs/reports.md`` describes its keys, which stay as they are within one ``schema``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from nomos_testing.diagnosis.diagnose import diagnose, signature_of
from nomos_testing.evidence.fork_trees import ForkTree
from nomos_testing.evidence.inclusion import Inclusion
from nomos_testing.evidence.numbers import RunNumbers, numbers_of
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import event_to_json

SCHEMA: Final = 1
"""Number of the schema. A key that is added leaves it; a key that is removed or gets another meaning raises it."""


def write_json(record: RunRecord) -> str:
    """Return the report of a run as JSON."""
    return json.dumps(finite(report_of(record)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def report_of(record: RunRecord) -> dict[str, Any]:
    """Return the report of a run as JSON values."""
    numbers = numbers_of(record)
    return {
        "schema": SCHEMA,
        "run": _run(record),
        "environment": event_to_json(record.environment) if record.environment is not None else None,
        "verdict": _verdict(record),
        "causes": [asdict(cause) for cause in diagnose(record)],
        "expectations": [event_to_json(judged) for judged in record.summary.judgements],
        "phases": [asdict(phase) for phase in numbers.phases],
        "faults": [asdict(fault) for fault in numbers.fault_windows],
        "nodes": {node: _node(numbers, node) for node in numbers.nodes},
        "blocks": {
            "seen": len(numbers.blocks),
            "canonical": len(numbers.canonical),
            "in_run_phase": record.summary.blocks_in_run,
        },
        "reorganisations": [asdict(item) for item in numbers.reorganisations],
        "fork_trees": [_tree(tree) for tree in numbers.fork_trees],
        "transactions": _inclusion(numbers.transactions),
        "blobs": _inclusion(numbers.blobs),
    }


def finite(value: Any) -> Any:
    """Replace numbers that JSON does not have (an observation may be infinite) by their texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def _run(record: RunRecord) -> dict[str, Any]:
    started = record.summary.started
    values: dict[str, Any] = {"directory": str(record.directory), "duration": record.duration}
    values["began"] = datetime.fromtimestamp(record.began, UTC).isoformat() if record.began else None
    named = (
        "run_id",
        "scenario",
        "deployer",
        "seed",
        "run_seconds",
        "slot_seconds",
        "expected_blocks",
        "machine_factor",
    )
    values |= {name: getattr(started, name) if started is not None else None for name in named}
    values["replay_obstacle"] = record.plan.get("replay_obstacle")
    return values


def _verdict(record: RunRecord) -> dict[str, Any]:
    summary = record.summary
    return {
        "kind": summary.kind,
        "passed": summary.outcome == "passed",
        "signature": signature_of(record),
        "failure": summary.failure,
        "machine_overloaded": str(summary.fell_behind) if summary.fell_behind is not None else None,
        "errors": [
            {"where": raised.where, "error": raised.error, "location": raised.location} for raised in summary.raised
        ],
        "unreadable_lines": len(summary.unreadable),
    }


def _node(numbers: RunNumbers, node: str) -> dict[str, Any]:
    life, propagation = numbers.lives.get(node), numbers.propagation.get(node)
    return {
        "starts": life.starts if life is not None else [],
        "ends": [asdict(end) for end in life.ends] if life is not None else [],
        "propagation": asdict(propagation) if propagation is not None else None,
        "heights": numbers.heights.get(node, ()),
        "series": {metric: series[node] for metric, series in numbers.series.items() if node in series},
    }


def _tree(tree: ForkTree) -> Mapping[str, Any]:
    return {
        "ancestor": tree.ancestor,
        "blocks": [asdict(block) for block in tree.blocks],
        "abandoned": sorted(tree.abandoned),
        "tips": dict(tree.tips),
    }


def _inclusion(found: Inclusion | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "planned": found.planned,
        "sent": found.sent,
        "included": found.included,
        "latency": asdict(found.latency) if found.latency is not None else None,
        "over_time": [asdict(counts) for counts in found.over_time],
    }
