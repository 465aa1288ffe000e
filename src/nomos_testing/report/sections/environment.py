"""The last section: what ran, where, with which versions, how long each phase took, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import PhaseEnded, event_to_json, kind_of
from nomos_testing.report.page import Block, Cell, Command, Facts, Lines, Paragraph, Section, Table
from nomos_testing.report.svg import shown_bytes, shown_number
from nomos_testing.runtime.run_directory import SCENARIO_NAME

_ENVIRONMENT_KIND: Final = "run_environment"
_TITLES: Final = {"version": "version of the framework", "nodes": "programs of the nodes"}
_LONGEST_SCENARIO: Final = 50_000
"""Characters of the scenario file that are shown."""


def environment_section(record: RunRecord) -> Section:
    """Return the section."""
    return Section("environment", "Environment", [*_facts(record), *_phases(record), *_repeat(record)])


def _facts(record: RunRecord) -> Iterator[Block]:
    started, plan = record.summary.started, record.plan
    items = []
    if started is not None:
        items += [("run", started.run_id), ("scenario", started.scenario), ("deployer", started.deployer)]
        items += [("seed", str(started.seed)), ("planned duration", f"{shown_number(started.run_seconds)} s")]
        if started.slot_seconds is not None:
            items.append(("slot", f"{shown_number(started.slot_seconds)} s"))
        items.append(
            ("speed of the machine", f"{shown_number(started.machine_factor)} times slower than the reference")
        )
    if record.began:
        items.append(("began", f"{datetime.fromtimestamp(record.began, UTC):%Y-%m-%d %H:%M:%S} UTC"))
    topology = plan.get("topology")
    if isinstance(topology, Mapping):
        items += [(name, str(topology[name])) for name in ("validators", "executors", "layout") if name in topology]
    versions = _versions(record)
    items += versions or [(key, _text(plan[key])) for key in ("programs", "prover") if key in plan]
    if items:
        yield Facts(items)


def _versions(record: RunRecord) -> list[tuple[str, str]]:
    return [
        (_title(key), shown_bytes(value) if key.endswith("_bytes") else _text(value))
        for entry in record.entries
        if kind_of(entry.event) == _ENVIRONMENT_KIND
        for key, value in event_to_json(entry.event).items()
        if value not in ({}, [], "")
    ]


def _title(key: str) -> str:
    return _TITLES.get(key, key.removesuffix("_bytes").replace("_", " "))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {item}" for key, item in value.items())
    return "\n".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _phases(record: RunRecord) -> Iterator[Block]:
    rows: list[list[Cell | str]] = []
    for entry in record.entries:
        if isinstance(entry.event, PhaseEnded):
            event = entry.event
            error = Cell(event.error or "", "bad" if event.error else "")
            rows.append([event.phase, f"{max(0.0, entry.at - event.seconds):.2f}", f"{event.seconds:.2f}", error])
    if rows:
        yield Table("Phases", ("phase", "began (s)", "took (s)", "error"), rows)


def _repeat(record: RunRecord) -> Iterator[Block]:
    obstacle = record.plan.get("replay_obstacle")
    if obstacle:
        yield Paragraph(f"This run cannot be repeated from its directory: {obstacle}", "warning")
    else:
        yield Paragraph("This command repeats the run with the same seed:")
        yield Command(f"nomos-testing replay {shlex.quote(str(record.directory))}")
    try:
        scenario = (record.directory / SCENARIO_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:  # the run ended before it was written
        return
    yield Lines(f"The scenario ({SCENARIO_NAME})", scenario[:_LONGEST_SCENARIO].rstrip().split("\n"))
