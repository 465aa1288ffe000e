"""The lines that tell a person first why a run did not pass: its verdict, the likely cause, and what to try."""

from __future__ import annotations

import sys
from typing import Final, TextIO

from nomos_testing.diagnosis.course import Course
from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.outcome import VerdictKind
from nomos_testing.report.console import print_summary

_SHOWN_CAUSES: Final = 4
_WITHOUT_CAUSE: Final = frozenset({VerdictKind.PASSED, VerdictKind.INTERRUPTED, None})


def verdict_lines(record: RunRecord) -> list[str]:
    """Return the verdict and, unless the run passed, the most likely cause with its remedy, then further causes."""
    kind = record.summary.kind
    failed = dict.fromkeys(plain_text(each.name) for each in Course(record).failed)
    first = f"verdict: {kind or record.summary.outcome}"
    if kind in _WITHOUT_CAUSE:
        return [first]
    lines = [f"{first} ({', '.join(failed)})" if failed else first]
    causes = diagnose(record)
    if not causes:
        return [*lines, "cause: none of those that are known", "try: read what failed and the logs of the nodes"]
    return [*lines, *causes[0].lines(), *(f"also {each.confidence}: {each.title}" for each in causes[1:_SHOWN_CAUSES])]


def print_result(record: RunRecord, stream: TextIO | None = None) -> None:
    """Print verdict and summary of a run that had a verdict.

    A person reads a log from its top and a terminal from its bottom. So the verdict's lines come first in a file or a
    pipe, and last on a terminal.
    """
    file = sys.stdout if stream is None else stream
    if not file.isatty():
        print_verdict(record, file)
    print_summary(record.entries, file)
    if file.isatty():
        print_verdict(record, file)


def print_verdict(record: RunRecord, stream: TextIO | None = None) -> None:
    """Print the verdict's lines."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout if stream is None else stream, markup=False, highlight=False)
    first, *others = verdict_lines(record)
    passed = record.summary.kind is VerdictKind.PASSED
    console.print(Text(first, style="bold green" if passed else "bold red"), soft_wrap=True)
    for line in others:
        console.print(Text(line), soft_wrap=True)
