"""Writes the HTML report of a run: one file that needs neither a network nor JavaScript."""

from __future__ import annotations

from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.report.page import Page, render
from nomos_testing.report.sections.environment import environment_section
from nomos_testing.report.sections.timeline import timeline_section
from nomos_testing.report.sections.verdict import mark_of, verdict_section
from nomos_testing.report.svg import shown_time


def write_html(record: RunRecord) -> str:
    """Return the report of a run as HTML."""
    mark, tone = mark_of(record.summary)
    sections = [verdict_section(record), timeline_section(record), environment_section(record)]
    return render(Page(_title(record), _subtitle(record), mark, tone, sections))


def _title(record: RunRecord) -> str:
    started = record.summary.started
    return started.scenario if started is not None else record.directory.name


def _subtitle(record: RunRecord) -> str:
    started = record.summary.started
    took = shown_time(round(record.duration, 1), record.duration)
    nodes = f"{len(record.node_names())} nodes"
    if started is None:
        return f"{nodes}, {took}"
    return f"{nodes} on {started.deployer}, {took}, seed {started.seed}, {started.run_id}"
