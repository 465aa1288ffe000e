"""The failure of a test whose run did not pass: verdict, cause and report in a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nomos_testing.deployers.shared.errors import DeployError
    from nomos_testing.evidence.run_record import RunRecord
    from nomos_testing.outcome import Verdict

_SHOWN_LINES: Final = 8
"""Lines of a failure's text. The report has all of it."""
_SAID: Final = "  |"
"""Start of the lines of a cause that quote a log or code. The report has them."""


class ScenarioNotPassed(AssertionError):
    """A run did not pass, or its network did not come up.

    Attributes:
        verdict: the verdict; None if the network did not come up.
        run_directory: the evidence; None if the run did not get that far.
    """

    def __init__(self, text: str, *, verdict: Verdict | None = None, run_directory: Path | None = None) -> None:
        super().__init__(text)
        self.verdict = verdict
        self.run_directory = run_directory


ScenarioNotPassed.__module__ = "builtins"  # as pytest's own failures do, so that its name is short in summaries


def not_passed(verdict: Verdict) -> ScenarioNotPassed:
    """Return the failure of a run that did not pass."""
    from nomos_testing.evidence.run_record import read_run

    record = read_run(verdict.run_directory)
    text = "\n".join(
        (
            f"{_name_of(record)} {verdict.kind}: {_shortened(verdict.failure or '')}",
            *_explanation(record),
            _place(verdict.run_directory),
        )
    )
    return ScenarioNotPassed(text, verdict=verdict, run_directory=verdict.run_directory)


def not_deployed(scenario: str, error: DeployError) -> ScenarioNotPassed:
    """Return the failure of a network that did not come up."""
    lines = [f"{scenario}: the network did not come up: {_shortened(str(error))}"]
    if error.run_directory is not None:
        from nomos_testing.evidence.run_record import read_run

        lines += [*_explanation(read_run(error.run_directory)), _place(error.run_directory)]
    return ScenarioNotPassed("\n".join(lines), run_directory=error.run_directory)


def _explanation(record: RunRecord) -> list[str]:
    from nomos_testing.diagnosis.diagnose import diagnose

    causes = diagnose(record)
    return [line for line in causes[0].lines() if not line.startswith(_SAID)] if causes else []


def _place(run_directory: Path) -> str:
    from nomos_testing.runtime.run_directory import REPORT_NAME

    report = run_directory / REPORT_NAME
    return f"report: {report}" if report.is_file() else f"evidence: {run_directory}"


def _name_of(record: RunRecord) -> str:
    return record.directory.name if record.summary.started is None else record.summary.started.scenario


def _shortened(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= _SHOWN_LINES:
        return text
    return "\n".join([*lines[:_SHOWN_LINES], f"... and {len(lines) - _SHOWN_LINES} lines more"])
