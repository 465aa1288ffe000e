"""JUnit XML of runs, as GitHub, GitLab and Jenkins read it: one ``testsuite`` for each run.

Expectations, recoveries from faults, and phases are test cases. Characters that XML forbids are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree

from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.journal.events import RunEnvironment, RunStarted, event_to_json
from nomos_testing.report.case_results import CaseGroup, CaseOutcome, CaseResult, case_results
from nomos_testing.report.log_excerpts import log_excerpts

_FORBIDDEN: Final = re.compile("[\ufffe\uffff]")
"""Forbidden in XML, beside the control characters and surrogates that ``plain_text`` takes out."""
_LONGEST_MESSAGE: Final = 500
_LONGEST_TEXT: Final = 20_000
_TAGS: Final = {CaseOutcome.FAILED: "failure", CaseOutcome.ERRORED: "error", CaseOutcome.SKIPPED: "skipped"}
_TYPES: Final = {
    (CaseGroup.EXPECTATIONS, CaseOutcome.FAILED): "ExpectationFailed",
    (CaseGroup.FAULTS, CaseOutcome.FAILED): "NotRecovered",
}


def write_junit(record: RunRecord) -> str:
    """Return the JUnit XML of one run."""
    return join_junit([record])


def join_junit(records: Sequence[RunRecord]) -> str:
    """Return the JUnit XML of several runs: a ``testsuite`` for each."""
    suites = ElementTree.Element("testsuites", {"name": "nomos-testing"})
    totals = dict.fromkeys(("tests", "failures", "errors"), 0)
    for record in records:
        suite = _suite(record)
        suites.append(suite)
        totals = {name: total + int(suite.attrib[name]) for name, total in totals.items()}
    suites.attrib |= {name: str(total) for name, total in totals.items()}
    suites.set("time", _seconds(sum(record.duration for record in records)))
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(record: RunRecord) -> ElementTree.Element:
    started, cases = record.summary.started, case_results(record)
    name = _one_line(started.scenario if started is not None else record.directory.name)
    count = {outcome: sum(case.outcome is outcome for case in cases) for outcome in CaseOutcome}
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": name,
            "tests": str(len(cases)),
            "failures": str(count[CaseOutcome.FAILED]),
            "errors": str(count[CaseOutcome.ERRORED]),
            "skipped": str(count[CaseOutcome.SKIPPED]),
            "time": _seconds(record.duration),
            "timestamp": datetime.fromtimestamp(record.began, UTC).isoformat(timespec="seconds"),
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(record, started):
        ElementTree.SubElement(properties, "property", {"name": _one_line(key), "value": _one_line(value)})
    excerpts = log_excerpts(record) if record.summary.outcome != "passed" else ""
    for case in cases:
        _add_case(suite, name, case, excerpts)
    return suite


def _add_case(suite: ElementTree.Element, scenario: str, case: CaseResult, excerpts: str) -> None:
    element = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": f"{scenario}.{case.group}",
            "name": _one_line(case.name),
            "time": _seconds(case.seconds or 0.0),
        },
    )
    output = case.details
    if case.outcome is not CaseOutcome.PASSED:
        result = ElementTree.SubElement(element, _TAGS[case.outcome], {"message": _one_line(case.message)})
        if case.outcome is not CaseOutcome.SKIPPED:
            result.set("type", _TYPES.get((case.group, case.outcome), case.outcome.capitalize()))
            result.text = _text("\n".join(part for part in (case.message, *case.cause, case.details) if part))
            output = "\n".join(part for part in (output, excerpts) if part)
    if output:
        ElementTree.SubElement(element, "system-out").text = _text(output)


def _properties(record: RunRecord, started: RunStarted | None) -> Iterator[tuple[str, str]]:
    yield "verdict", record.summary.kind or record.summary.outcome
    if started is not None:
        yield from (
            ("run", started.run_id),
            ("deployer", started.deployer),
            ("seed", str(started.seed)),
            ("run_seconds", f"{started.run_seconds:g}"),
            ("machine_factor", f"{started.machine_factor:g}"),
        )
    yield "run_directory", str(record.directory)
    for entry in record.entries:
        if isinstance(entry.event, RunEnvironment):
            for key, value in event_to_json(entry.event).items():
                yield from _flat(f"environment.{key}", value)


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}", item)
    else:
        yield name, str(value)


def _seconds(seconds: float) -> str:
    return f"{max(0.0, seconds):.3f}"


def _one_line(text: str) -> str:
    line = " ".join(_text(text).split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}..."


def _text(text: str) -> str:
    """Return what XML can have of a text; the middle of a very long one is left out."""
    clean = _FORBIDDEN.sub("", plain_text(text))
    if len(clean) <= _LONGEST_TEXT:
        return clean
    half = _LONGEST_TEXT // 2
    return f"{clean[:half]}\n... {len(clean) - 2 * half} characters left out ...\n{clean[-half:]}"
