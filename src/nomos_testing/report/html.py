"""Writes the HTML report of a run: one file that needs neither a network nor JavaScript."""

from __future__ import annotations

from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.evidence.numbers import numbers_of
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.report.page import Page, render
from nomos_testing.report.sections.chain import forks_section, height_section, propagation_section
from nomos_testing.report.sections.drawing import RunFrame
from nomos_testing.report.sections.environment import environment_section
from nomos_testing.report.sections.failure_logs import failure_logs_section
from nomos_testing.report.sections.faults import faults_section
from nomos_testing.report.sections.nodes import nodes_section
from nomos_testing.report.sections.timeline import timeline_section
from nomos_testing.report.sections.verdict import mark_of, verdict_section
from nomos_testing.report.sections.workloads import blobs_section, transactions_section
from nomos_testing.report.svg import counted, shown_time


def write_html(record: RunRecord) -> str:
    """Return the report of a run as HTML."""
    mark, tone = mark_of(record.summary)
    numbers, causes = numbers_of(record), diagnose(record)
    frame = RunFrame.of(numbers)
    sections = [
        verdict_section(record, causes),
        height_section(numbers, frame),
        forks_section(numbers),
        transactions_section(numbers, frame),
        blobs_section(numbers, frame),
        propagation_section(numbers),
        nodes_section(record, numbers, frame),
        faults_section(record, numbers),
        timeline_section(record),
        failure_logs_section(record, causes),
        environment_section(record),
    ]
    return render(Page(_title(record), _subtitle(record), mark, tone, sections))


def _title(record: RunRecord) -> str:
    started = record.summary.started
    return started.scenario if started is not None else record.directory.name


def _subtitle(record: RunRecord) -> str:
    started = record.summary.started
    took = shown_time(round(record.duration, 1), record.duration)
    nodes = counted(len(record.node_names()), "node")
    if started is None:
        return f"{nodes}, {took}"
    return f"{nodes} on {started.deployer}, {took}, seed {started.seed}, {started.run_id}"
