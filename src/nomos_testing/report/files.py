"""Writes the reports of a run into its directory, after its end.

A report that cannot be written hinders neither the run nor the other reports: the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from nomos_testing.evidence.run_record import RunRecord, read_run
from nomos_testing.runtime.run_directory import JUNIT_NAME, REPORT_NAME


def _html(record: RunRecord) -> str:
    from nomos_testing.report.html import write_html

    return write_html(record)


def _junit(record: RunRecord) -> str:
    from nomos_testing.report.junit import write_junit

    return write_junit(record)


WRITERS: Final[Mapping[str, Callable[[RunRecord], str]]] = {REPORT_NAME: _html, JUNIT_NAME: _junit}
"""The reports of every run: the name of the file, and the function that returns its text.

Each imports what it needs when it is called, because no run may wait for that before its end.
"""

_log = logging.getLogger(__name__)


def write_reports(run_directory: Path, traces: str | None = None) -> None:
    """Write every report of a run that has ended. A report of an earlier call is replaced.

    Args:
        run_directory: the directory of the run.
        traces: the collector that gets the trace of the run, if any.
    """
    try:
        record = read_run(run_directory)
    except Exception:
        _log.exception("the run %s cannot be read, so that it has no reports", run_directory)
        return
    for name, write in WRITERS.items():
        _write(record, run_directory / name, write)
    if traces is not None:
        from nomos_testing.report.traces.export import export_after_run

        export_after_run(record, traces)


def _write(record: RunRecord, path: Path, write: Callable[[RunRecord], str]) -> None:
    try:
        path.write_text(write(record), encoding="utf-8")
    except Exception:
        _log.exception("the report %s could not be written", path)
