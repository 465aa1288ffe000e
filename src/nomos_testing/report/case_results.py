"""The results of a run as test cases: each expectation, the recovery from each fault, and each phase.

A case is *failed* where the network did not do what the scenario asks, and *errored* where it was not judged: a bug in
code of the test or of the framework, a network that did not come up, a run that somebody ended. A *skipped* case says
why it was left out. A run that did not pass has at least one case that failed or errored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from nomos_testing.diagnosis.causes import Cause
from nomos_testing.diagnosis.diagnose import diagnose
from nomos_testing.evidence.faults import FaultSummary
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.faults.fault_events import FaultLeftOut, FaultRecovered, FaultsPlanned, HealVerified
from nomos_testing.journal.events import ExceptionRaised, ExpectationJudged, PhaseEnded, PhaseStarted
from nomos_testing.outcome import VerdictKind

_EVALUATE: Final = "evaluate"
"""The phase in which expectations are judged, one after the other."""
_CANCELLED: Final = "CancelledError"
"""The text of the error of a run that was ended from outside."""
_ENDED_FROM_OUTSIDE: Final = (_CANCELLED, " failed")
"""Endings of the errors of a phase that was ended from outside, such as by the failure of a task beside it."""
_PLANNED_FIELDS: Final = {"number", "origin", "path", "inject_at", "heal_at"}
"""The fields of a planned fault beside the fault itself."""


class CaseOutcome(StrEnum):
    """The outcomes of a case."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class CaseGroup(StrEnum):
    """The groups of cases."""

    EXPECTATIONS = "expectations"
    FAULTS = "faults"
    PHASES = "phases"
    RUN = "run"
    """The run as a whole. It has a case only where no other case says why the run did not pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case of a run."""

    group: CaseGroup
    """Its group."""
    name: str
    """Name of the expectation or the phase; number and target of the fault."""
    seconds: float | None = None
    """Its length; None if it has none."""
    outcome: CaseOutcome = CaseOutcome.PASSED
    """Its outcome."""
    message: str = ""
    """Why it did not pass."""
    details: str = ""
    """Everything known about it, for a person."""
    cause: tuple[str, ...] = ()
    """The likely cause of a failure or an error, and what to try."""


def case_results(record: RunRecord) -> tuple[CaseResult, ...]:
    """Return the cases of a run: expectations, faults, phases."""
    found = [*_expectations(record), *_faults(record), *_phases(record)]
    broken = {CaseOutcome.FAILED, CaseOutcome.ERRORED}
    if record.summary.kind is not VerdictKind.PASSED and not any(case.outcome in broken for case in found):
        found.append(_whole_run(record))
    causes = diagnose(record)
    return tuple(replace(case, cause=_cause(case, causes)) if case.outcome in broken else case for case in found)


def _cause(case: CaseResult, causes: Sequence[Cause]) -> tuple[str, ...]:
    """Return the cause of a case, or else the most likely one of the run."""
    own = next((cause for cause in causes if cause.failure == case.name), None)
    cause = own or next(iter(causes), None)
    return () if cause is None else tuple(cause.lines())


def _whole_run(record: RunRecord) -> CaseResult:
    failure = record.summary.failure
    message = _end_of(record) if failure in {None, _CANCELLED} else failure
    return CaseResult(
        group=CaseGroup.RUN,
        name="verdict",
        seconds=record.duration,
        outcome=_broken(record),
        message=message or "",
        details=_raised(record),
    )


def _expectations(record: RunRecord) -> Iterator[CaseResult]:
    before, judged = 0.0, Counter[str]()
    for entry in record.entries:
        match entry.event:
            case PhaseStarted(phase=phase) if phase == _EVALUATE:
                before = entry.at
            case ExpectationJudged() as event:
                judged[event.expectation] += 1
                yield _expectation(record, event, max(0.0, entry.at - before))
                before = entry.at
    planned = record.plan.get("expectations")
    for name in (str(item) for item in planned) if isinstance(planned, list) else ():
        judged[name] -= 1
        if judged[name] < 0:
            reason = f"not judged: {_end_of(record)}"
            yield CaseResult(
                group=CaseGroup.EXPECTATIONS, name=name, seconds=0.0, outcome=CaseOutcome.SKIPPED, message=reason
            )


def _expectation(record: RunRecord, judged: ExpectationJudged, seconds: float) -> CaseResult:
    lines = [line for line in judged.evidence if line not in judged.message]
    for name, value in (("observed", judged.observed), ("required", judged.required)):
        if value is not None:
            lines.append(f"{name}: {_text(value)}")
    if judged.errored:
        lines.append(_raised(record, f"expectation {judged.expectation}"))
    broken = CaseOutcome.ERRORED if judged.errored else CaseOutcome.FAILED
    return CaseResult(
        group=CaseGroup.EXPECTATIONS,
        name=judged.expectation,
        seconds=seconds,
        outcome=CaseOutcome.PASSED if judged.passed else broken,
        message=judged.message,
        details="\n".join(line for line in lines if line),
    )


def _faults(record: RunRecord) -> Iterator[CaseResult]:
    happened = {fault.number: fault for fault in record.summary.faults}
    left_out = {entry.event.number: entry.event for entry in record.entries if isinstance(entry.event, FaultLeftOut)}
    named = {number: event.fault for number, event in left_out.items()}
    named |= {number: fault.fault for number, fault in happened.items()}
    for number, name in sorted((_planned_faults(record) | named).items()):
        fault = happened.get(number)
        if fault is not None:
            yield _recovery(record, fault)
            continue
        planned = left_out.get(number)
        reason = _end_of(record) if planned is None else f"the run was over before its time, {planned.planned_at:g} s"
        outcome, message = CaseOutcome.SKIPPED, f"not injected: {reason}"
        if _blamed(record, number):  # the injection failed
            outcome, message = CaseOutcome.FAILED, record.summary.failure or message
        yield CaseResult(
            group=CaseGroup.FAULTS, name=f"{number}: {name}", seconds=0.0, outcome=outcome, message=message
        )


def _planned_faults(record: RunRecord) -> dict[int, str]:
    planned = next((entry.event.plan for entry in record.entries if isinstance(entry.event, FaultsPlanned)), None)
    stored = record.plan.get("faults") if planned is None else planned
    names: dict[int, str] = {}
    for fault in stored if isinstance(stored, list | tuple) else ():
        if isinstance(fault, Mapping) and isinstance(fault.get("number"), int):
            shown = {key: value for key, value in fault.items() if key not in _PLANNED_FIELDS}
            names[fault["number"]] = ", ".join(f"{key} {_text(value)}" for key, value in shown.items())
    return names


def _recovery(record: RunRecord, fault: FaultSummary) -> CaseResult:
    verified = (entry.event for entry in record.entries if isinstance(entry.event, HealVerified))
    reason = next((event.reason for event in verified if event.number == fault.number and not event.verified), None)
    outcome, message = CaseOutcome.PASSED, ""
    if fault.healed is None:
        outcome, message = CaseOutcome.SKIPPED, f"not healed: {_end_of(record)}"
    elif fault.recovered_slots is None and record.summary.kind is VerdictKind.PASSED:
        outcome = CaseOutcome.SKIPPED
        message = "no recovery until the run's end; the scenario does not ask for it (recovers_from_faults does)"
    elif fault.recovered_slots is None:
        outcome, message = CaseOutcome.FAILED, "no recovery: not every node came near the highest again"
    if _blamed(record, fault.number):
        outcome, message = CaseOutcome.FAILED, record.summary.failure or message
    return CaseResult(
        group=CaseGroup.FAULTS,
        name=f"{fault.number}: {fault.fault}",
        seconds=_recovery_seconds(record, fault),
        outcome=outcome,
        message=message,
        details="\n".join(_course(fault, reason)),
    )


def _recovery_seconds(record: RunRecord, fault: FaultSummary) -> float:
    """Return the seconds from the heal to the recovery, or to the run's end; 0 if there was no heal."""
    if fault.healed is None:
        return 0.0
    recovered = (entry.event for entry in record.entries if isinstance(entry.event, FaultRecovered))
    seconds = (event.seconds for event in recovered if event.number == fault.number)
    return next(seconds, max(0.0, record.duration - fault.healed))


def _course(fault: FaultSummary, unverified: str | None) -> Iterator[str]:
    yield f"injected {fault.injected_at:.1f} s after the start of the workloads"
    yield f"took effect after {fault.took_effect:.3f} s"
    if fault.healed is not None:
        yield f"healed after {fault.healed - fault.began:.1f} s"
    if unverified is not None:
        yield f"the heal is not verified: {unverified}"
    if fault.recovered_slots is not None:
        beside = ", beside other faults" if fault.overlapped else ""
        yield f"recovered {fault.recovered_slots:g} slots after the heal{beside}"
    if fault.deepest_reorganisation:
        yield f"deepest reorganisation: {fault.deepest_reorganisation} blocks"


def _blamed(record: RunRecord, number: int) -> bool:
    """Return whether the run ended because this fault could not be injected or healed."""
    return f"fault {number} (" in (record.summary.failure or "")


def _phases(record: RunRecord) -> Iterator[CaseResult]:
    running: dict[str, float] = {}
    for entry in record.entries:
        match entry.event:
            case PhaseStarted(phase=phase):
                running[phase] = entry.at
            case PhaseEnded(phase=phase):
                running.pop(phase, None)
                yield _phase(record, entry.event)
    for phase, started in running.items():
        yield CaseResult(
            group=CaseGroup.PHASES,
            name=phase,
            seconds=record.duration - started,
            outcome=CaseOutcome.ERRORED,
            message=_end_of(record),
        )


def _phase(record: RunRecord, ended: PhaseEnded) -> CaseResult:
    if ended.error is None:
        return CaseResult(group=CaseGroup.PHASES, name=ended.phase, seconds=ended.seconds)
    # A phase that was cancelled does not know why; the verdict does.
    own = None if ended.error.endswith(_ENDED_FROM_OUTSIDE) else ended.error
    reasons = (own, record.summary.failure, _end_of(record))
    return CaseResult(
        group=CaseGroup.PHASES,
        name=ended.phase,
        seconds=ended.seconds,
        outcome=_broken(record),
        message=next(reason for reason in reasons if reason not in {None, _CANCELLED}) or "",
        details=_raised(record),
    )


def _broken(record: RunRecord) -> CaseOutcome:
    """Return the outcome of what ended the run. Only a network that came up can fail."""
    failed = record.summary.verdict is not None and record.summary.kind in {VerdictKind.FAILED, VerdictKind.SLOW}
    return CaseOutcome.FAILED if failed else CaseOutcome.ERRORED


def _end_of(record: RunRecord) -> str:
    """Return how the run ended, for what it has not come to: ``the run failed in the phase ready``."""
    phase = next((ended.phase for ended in record.summary.phases if ended.error is not None), None)
    ended = {"unfinished": "was not finished", "killed": "was killed", "interrupted": "was interrupted"}
    how = ended.get(record.summary.outcome, record.summary.outcome)
    return f"the run {how}" + (f" in the phase {phase}" if phase is not None else "")


def _raised(record: RunRecord, where: str | None = None) -> str:
    """Return the tracebacks of the errors that code raised; only those of ``where`` if it is given."""
    raised: list[ExceptionRaised] = [item for item in record.summary.raised if where is None or item.where == where]
    return "\n".join(item.traceback.rstrip("\n") for item in raised)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
