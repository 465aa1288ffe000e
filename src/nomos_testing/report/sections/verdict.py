"""The first section: the verdict, its reasons, and what each expectation saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.evidence.summary import RunSummary
from nomos_testing.outcome import VerdictKind, outcome_of
from nomos_testing.report.console import shown
from nomos_testing.report.page import Block, Card, Cell, Lines, Paragraph, Section, Table, Tone

_MARKS: Final[dict[VerdictKind | None, tuple[str, Tone]]] = {
    VerdictKind.PASSED: ("\u2713 passed", "good"),
    VerdictKind.FAILED: ("\u2717 failed", "bad"),
    VerdictKind.SLOW: ("\u25f7 slow: the machine was overloaded", "warning"),
    VerdictKind.ERRORED_TEST: ("! errored (user's code)", "bad"),
    VerdictKind.ERRORED_FRAMEWORK: ("! errored (framework)", "bad"),
    VerdictKind.INTERRUPTED: ("\u25a0 interrupted", "warning"),
    None: ("? unfinished: the journal has no verdict", "warning"),
}
_WITHOUT_CAUSE: Final = frozenset({VerdictKind.PASSED, VerdictKind.INTERRUPTED, None})
_MOST_CAUSES: Final = 5
_MOST_EVIDENCE: Final = 200
"""Lines of evidence of an expectation."""


def mark_of(summary: RunSummary) -> tuple[str, Tone]:
    """Return the verdict in a few words, and its colour."""
    return _MARKS[summary.kind]


def verdict_section(record: RunRecord, causes: Sequence[Cause]) -> Section:
    """Return the section.

    Args:
        record: the run.
        causes: the likely causes of its failures, the most likely first.
    """
    blocks = [
        *_causes(causes, record.summary.kind),
        *_reasons(record.summary),
        *_expectations(record.summary),
        *_errors(record),
    ]
    return Section("verdict", "Verdict", blocks)


def _causes(causes: Sequence[Cause], kind: VerdictKind | None) -> Iterator[Block]:
    if not causes and kind not in _WITHOUT_CAUSE:
        yield Paragraph("No known cause was found. Read what failed, and the logs around it.")
    for cause in causes[:_MOST_CAUSES]:
        since = f"slot {cause.since_slot:.0f}" if cause.since_slot is not None else ""
        if cause.at is not None:
            since = f"{cause.at:.1f} s" + (f" ({since})" if since else "")
        facts = [
            ("what to try", cause.remedy),
            ("explains", cause.failure),
            ("node", cause.node or ""),
            ("since", since),
            ("done to it", cause.done_to_it or ""),
            ("kind of cause", f"{cause.known}, {cause.confidence}"),
        ]
        title = f"{cause.confidence.capitalize()} cause: {cause.title}"
        yield Card(title, "warning", [(name, text) for name, text in facts if text], cause.says)
    if len(causes) > _MOST_CAUSES:
        yield Lines("Further causes", [f"{cause.confidence}: {cause.title}" for cause in causes[_MOST_CAUSES:]])


def _reasons(summary: RunSummary) -> Iterator[Block]:
    if summary.kind is VerdictKind.PASSED:
        yield Paragraph(
            f"All {len(summary.judgements)} expectations hold." if summary.judgements else "The run passed."
        )
    elif summary.kind is None:
        yield Paragraph("The journal has no verdict: the run goes on, or its runner was killed.", "warning")
    if summary.failure and summary.kind is not VerdictKind.PASSED:
        yield Card("Why it did not pass", "bad", lines=summary.failure.split("\n"))
    if summary.fell_behind is not None:
        yield Paragraph(str(summary.fell_behind), "warning")


def _expectations(summary: RunSummary) -> Iterator[Block]:
    rows: list[list[Cell | str]] = []
    for judged in sorted(summary.judgements, key=lambda judged: judged.passed):
        outcome = outcome_of(passed=judged.passed, errored=judged.errored)
        mark = Cell(f"\u2713\u00a0{outcome}", "good") if judged.passed else Cell(f"\u2717\u00a0{outcome}", "bad")
        rows.append([judged.expectation, mark, shown(judged.observed), shown(judged.required)])
    if rows:
        yield Table("Expectations", ("expectation", "verdict", "observed", "required"), rows)
    for judged in summary.judgements:
        lines = [line for line in judged.evidence if line not in judged.message]
        if judged.message and not judged.passed and judged.message not in (summary.failure or ""):
            lines = [*judged.message.split("\n"), *lines]
        if lines and not judged.passed:
            yield Lines(f"Evidence of {judged.expectation}", _bounded(lines), unfolded=True)


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_EVIDENCE:
        return lines
    return [*lines[:_MOST_EVIDENCE], f"and {len(lines) - _MOST_EVIDENCE} more in the journal"]


def _errors(record: RunRecord) -> Iterator[Block]:
    summary = record.summary
    for raised in summary.raised:
        place = f" ({raised.location})" if raised.location else ""
        yield Lines(f"{raised.where} raised {raised.error}{place}", raised.traceback.rstrip().split("\n"))
    if summary.unreadable:
        lines = [f"line {line.number}, {line.start!r}: {line.reason}" for line in summary.unreadable]
        yield Lines(summary.unreadable_lines, _bounded(lines))
