"""Finds the likely causes of a run that did not pass. Pure functions of the run's record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import Final

from nomos_testing.diagnosis.causes import CONFIDENCES, Cause
from nomos_testing.diagnosis.clocks import wrong_clocks
from nomos_testing.diagnosis.code import raised_errors
from nomos_testing.diagnosis.course import Course
from nomos_testing.diagnosis.environment import environment_causes
from nomos_testing.diagnosis.faults import fault_causes, short_runs
from nomos_testing.diagnosis.machine import machine_causes
from nomos_testing.diagnosis.network import network_causes
from nomos_testing.diagnosis.node_ends import node_ends
from nomos_testing.diagnosis.slow_nodes import slow_nodes
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.outcome import VerdictKind

FAMILIES: Final[tuple[Callable[[Course], Iterable[Cause]], ...]] = (
    raised_errors,
    environment_causes,
    node_ends,
    network_causes,
    fault_causes,
    machine_causes,
    wrong_clocks,
    slow_nodes,
    short_runs,
)
"""The functions that look for causes. Between causes of equal confidence and time, the earlier family comes first."""


def diagnose(record: RunRecord) -> tuple[Cause, ...]:
    """Return the causes of a run's failures, the most likely first. Empty for a run that passed or was interrupted.

    Causes of equal confidence are in the order in which they began; those without a known begin come last.
    """
    if record.summary.kind in {VerdictKind.PASSED, VerdictKind.INTERRUPTED, None}:
        return ()
    course = Course(record)
    found = [cause for family in FAMILIES for cause in family(course)]
    return tuple(sorted(found, key=_order))


def signature_of(record: RunRecord) -> str:
    """Return a short text that is equal for runs that failed in the same way, and the same for all that passed."""
    kind = record.summary.kind
    if kind is VerdictKind.PASSED:
        return str(kind)
    failed = sorted({failed.name for failed in Course(record).failed})
    causes = diagnose(record)
    parts = [str(kind or "not ended"), ", ".join(failed), causes[0].known if causes else ""]
    return "; ".join(part for part in parts if part)


def _order(cause: Cause) -> tuple[int, float]:
    return CONFIDENCES.index(cause.confidence), inf if cause.at is None else cause.at
