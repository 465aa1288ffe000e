"""Reads moments and windows of a run as people write them: seconds, slots, times of day, failures and faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from math import isfinite

from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected
from nomos_testing.journal.events import (
    ExpectationJudged,
    NodeExited,
    PhaseEnded,
    PhaseStarted,
    WorkloadEnded,
)


class NoSuchMoment(Exception):
    """A text that is no moment of the run. The error says what the run has instead."""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Something that went wrong in a run."""

    name: str
    """Name of the expectation, the workload, the phase or the node."""
    at: float
    """When it was first seen, on the journal's clock."""


def failures(record: RunRecord) -> list[RunFailure]:
    """Return everything that went wrong, each once, in the order in which it was seen."""
    first: dict[str, float] = {}
    for entry in record.entries:
        match entry.event:
            case ExpectationBroken(expectation=name) | ExpectationJudged(expectation=name, passed=False):
                first.setdefault(name, entry.at)
            case WorkloadEnded(workload=name, outcome="failed" | "errored"):
                first.setdefault(name, entry.at)
            case PhaseEnded(phase=name, error=str()):
                first.setdefault(name, entry.at)
            case NodeExited(node=name, expected=False):
                first.setdefault(name, entry.at)
    return [RunFailure(name, at) for name, at in sorted(first.items(), key=lambda item: item[1])]


def read_moment(record: RunRecord, text: str) -> float:
    """Read ``12.5`` (seconds of the run), ``slot:8`` (slots of the workloads) or a time of day in UTC.

    A time of day is ``08:41:30``, or ISO 8601 with another time zone: ``2026-01-31T09:41:30+01:00``.

    Raises:
        NoSuchMoment: it is none of them.
    """
    if found := re.fullmatch(r"slot:(\d+(?:\.\d+)?)", text):
        return _slot(record, float(found[1]))
    try:
        seconds = float(text)
    except ValueError:
        return _time_of_day(record, text)
    if not isfinite(seconds):
        raise NoSuchMoment(_expected(record, text))
    return seconds


def read_window(record: RunRecord, text: str, margin: float) -> tuple[float, float]:
    """Read the name of a failure, or ``fault:3``, and return its window with a margin at both ends.

    Raises:
        NoSuchMoment: the run has no such failure or fault; the error names those that it has.
    """
    if found := re.fullmatch(r"fault:(\d+)", text):
        began, ended = _fault(record, int(found[1]))
        return began - margin, ended + margin
    known = failures(record)
    for failure in known:
        if failure.name == text:
            return failure.at - margin, failure.at + margin
    names = ", ".join(failure.name for failure in known) or "none"
    raise NoSuchMoment(f"{text!r} is no failure of this run; failures: {names}; faults: {_fault_names(record)}")


def _slot(record: RunRecord, number: float) -> float:
    started = record.summary.started
    began = next((e.at for e in record.entries if isinstance(e.event, PhaseStarted) and e.event.phase == "run"), None)
    if began is None or started is None or not started.slot_seconds:
        raise NoSuchMoment("slots count from the start of the workloads, and this run did not get so far; give seconds")
    return began + number * started.slot_seconds


def _time_of_day(record: RunRecord, text: str) -> float:
    began = datetime.fromtimestamp(record.began, UTC)
    try:
        moment = datetime.fromisoformat(text) if "T" in text or " " in text else None
        moment = datetime.combine(began.date(), time.fromisoformat(text)) if moment is None else moment
    except ValueError:
        raise NoSuchMoment(_expected(record, text)) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() - record.began


def _expected(record: RunRecord, text: str) -> str:
    began = datetime.fromtimestamp(record.began, UTC)
    return (
        f"{text!r} is no moment: expected seconds of the run (12.5, up to {record.duration:.1f}), a slot (slot:8), or "
        f"a time in UTC ({began:%H:%M:%S}, {began:%Y-%m-%dT%H:%M:%S})"
    )


def _fault(record: RunRecord, number: int) -> tuple[float, float]:
    began, ended = None, record.duration
    for entry in record.entries:
        match entry.event:
            case FaultInjected(number=found) if found == number:
                began = entry.at
            case FaultHealed(number=found) if found == number:
                ended = entry.at
    if began is None:
        raise NoSuchMoment(f"fault {number} did not happen in this run; faults: {_fault_names(record)}")
    return began, ended


def _fault_names(record: RunRecord) -> str:
    return ", ".join(_injected(record)) or "none"


def _injected(record: RunRecord) -> Iterator[str]:
    for entry in record.entries:
        if isinstance(entry.event, FaultInjected):
            yield f"fault:{entry.event.number} ({entry.event.fault})"
