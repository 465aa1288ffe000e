"""The course of a run for the diagnosis: what failed and when, what was done to the network, and how nodes ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final

from nomos_testing.diagnosis.causes import Cause, Confidence
from nomos_testing.diagnosis.kinds import KINDS
from nomos_testing.diagnosis.known_texts import known_by
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.journal.events import (
    NodeExited,
    NodeStarted,
    PhaseEnded,
    PhaseStarted,
    WorkloadEnded,
)
from nomos_testing.journal.journal import Entry
from nomos_testing.runtime.disturbances import Disturbance, Disturbances

RECOVERY: Final = "recovers_from_faults"
"""The expectation that judges recoveries."""
_SHOWN_LINES: Final = 5
_SOON_SLOTS: Final = 10
"""A healed network needs so long to be whole again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that failed: an expectation, a workload, a phase."""

    name: str
    """Its name."""
    text: str
    """Why, with its evidence."""
    at: float | None = None
    """When it was first noticed; None if the end of the run tells it."""


@dataclass(frozen=True)
class Course:
    """A run's record, with what its journal tells about causes. Each part is read once, when it is first needed."""

    record: RunRecord

    @property
    def entries(self) -> Sequence[Entry]:
        """The journal."""
        return self.record.entries

    @cached_property
    def run_began(self) -> float | None:
        """When the workloads began; None if they never did."""
        starts = (e.at for e in self.entries if isinstance(e.event, PhaseStarted) and e.event.phase == "run")
        return next(starts, None)

    @cached_property
    def run_ended(self) -> float:
        """When the duration of the run was over, or the run."""
        ends = (e.at for e in self.entries if isinstance(e.event, PhaseEnded) and e.event.phase == "run")
        return next(ends, self.record.duration)

    @cached_property
    def teardown_began(self) -> float:
        """When the network was taken down."""
        starts = (e.at for e in self.entries if isinstance(e.event, PhaseStarted) and e.event.phase == "teardown")
        return next(starts, self.record.duration)

    @property
    def slot_seconds(self) -> float | None:
        """Length of a slot."""
        return self.record.summary.started.slot_seconds if self.record.summary.started is not None else None

    def slot(self, at: float) -> float | None:
        """Return the slots from the start of the workloads to a moment; None before it."""
        if self.run_began is None or not self.slot_seconds or at < self.run_began:
            return None
        return round((at - self.run_began) / self.slot_seconds, 1)

    def when(self, at: float) -> str:
        """Return a moment in words: ``at slot 20``; before the workloads ``after 1.2 s``."""
        slot = self.slot(at)
        return f"after {at:.1f} s" if slot is None else f"at slot {slot:.0f}"

    def since(self, at: float) -> str:
        """Return the start of a period in words: ``from slot 20 on``."""
        slot = self.slot(at)
        return f"from {at:.1f} s on" if slot is None else f"from slot {slot:.0f} on"

    @cached_property
    def failed(self) -> tuple[Failed, ...]:
        """Everything that failed, what was noticed first before the rest. Empty for a run that passed."""
        found = [*self._failed_expectations(), *self._failed_workloads()]
        if not found:
            found = list(self._failed_phases())
        failure = self.record.summary.failure
        if not found and self.record.summary.outcome != "passed" and failure is not None:
            found = [Failed("the run", failure)]
        return tuple(sorted(found, key=lambda failed: (failed.at is None, failed.at or 0.0)))

    @cached_property
    def failed_since(self) -> float | None:
        """When the first failure was noticed; None if the end of the run tells all of them."""
        return min((failed.at for failed in self.failed if failed.at is not None), default=None)

    def failure_about(self, *nodes: str) -> Failed | None:
        """Return the first failure whose text names one of the nodes, or its address; None if none does."""
        names = [*nodes, *(address for node in nodes for address in self._addresses.get(node, ()))]
        named = re.compile("|".join(rf"(?<![\w.-]){re.escape(name)}(?!\d)" for name in names))
        return next((failed for failed in self.failed if names and named.search(failed.text)), None)

    @cached_property
    def _addresses(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for entry in self.entries:
            if isinstance(entry.event, NodeStarted):
                found.setdefault(entry.event.node, set()).add(entry.event.url.rpartition("//")[2])
        return found

    def cause(
        self,
        known: str,
        title: str,
        confidence: Confidence,
        *,
        remedy: str | None = None,
        at: float | None = None,
        failed: Failed | None = None,
        **fields: Any,
    ) -> Cause:
        """Make a cause. By default it explains the first failure, and has the remedy of its kind."""
        explained = failed or (self.failed[0] if self.failed else None)
        return Cause(
            known=known,
            title=plain_text(title.replace("\n", " ")),
            failure=explained.name if explained is not None else "the run",
            remedy=remedy or KINDS[known].remedy,
            confidence=confidence,
            at=at,
            since_slot=None if at is None else self.slot(at),
            **fields,
        )

    def cause_of(self, known: str, title: str, disturbance: Disturbance, **fields: Any) -> Cause:
        """Make the cause that a blamed disturbance is. It explains the first failure that names one of its nodes."""
        failed = self.failure_about(*disturbance.nodes)
        return self.cause(
            known,
            title,
            self.confidence_in(disturbance, failed),
            at=disturbance.began,
            failed=failed,
            done_to_it=disturbance.described,
            **fields,
        )

    @cached_property
    def disturbances(self) -> tuple[Disturbance, ...]:
        """Everything that was done to the network on purpose, in the order of its begin."""
        found = Disturbances()
        for entry in self.entries:
            found.take(entry.event, entry.at)
        return tuple(found.all)

    @cached_property
    def kept(self) -> tuple[Disturbance, ...]:
        """The disturbances that lasted to the end of the run's duration."""
        return tuple(
            each
            for each in self.disturbances
            if each.began < self.run_ended and (each.ended is None or each.ended >= self.run_ended)
        )

    @cached_property
    def blamed(self) -> tuple[Disturbance, ...]:
        """The disturbances that lasted to the end of the run's duration, or during which a failure was noticed.

        Also those that the network had not recovered from, if a failure names one of their nodes. Where recovery was
        asked for, the failure of ``recovers_from_faults`` tells of them.
        """
        recovery_failed = any(failed.name == RECOVERY for failed in self.failed)
        return tuple(
            each
            for each in self.disturbances
            if each in self.kept
            or self.noticed_during(each)
            or (not recovery_failed and self.unrecovered(each) and self.failure_about(*each.nodes) is not None)
        )

    def unrecovered(self, disturbance: Disturbance) -> bool:
        """Return whether the fault that made a disturbance was healed, and the network never recovered from it."""
        fault = disturbance.fault
        return fault is not None and any(
            each.number == fault.number and each.healed is not None and each.recovered_slots is None
            for each in self.record.summary.faults
        )

    def noticed_during(self, disturbance: Disturbance) -> bool:
        """Return whether a failure was noticed during a disturbance or soon after it."""
        if disturbance.ended is None:
            return any(failed.at is not None and failed.at >= disturbance.began for failed in self.failed)
        soon = disturbance.ended + _SOON_SLOTS * (self.slot_seconds or 1.0)
        return any(failed.at is not None and disturbance.began <= failed.at <= soon for failed in self.failed)

    def effect_of(self, ended: Disturbance) -> str:
        """Return in words why a disturbance that ended is blamed."""
        return (
            "a failure was noticed meanwhile" if self.noticed_during(ended) else "the network did not recover from it"
        )

    def confidence_in(self, disturbance: Disturbance, failed: Failed | None) -> Confidence:
        """Return how sure it is that a blamed disturbance is the cause. ``failed``: a failure that names its nodes."""
        if disturbance in self.kept:
            return "certain" if failed is not None else "likely"
        return "likely" if failed is not None else "possible"

    def log_about(self, node: str, known: str, since: float) -> tuple[str, ...]:
        """Return the first lines of a node's log from a moment on that name a kind of cause."""
        lines = (line.text for line in self.record.log_of(node) if line.at >= since and known_by(line.text) == known)
        return tuple(islice(lines, _SHOWN_LINES))

    @cached_property
    def unexpected_ends(self) -> tuple[tuple[float, NodeExited], ...]:
        """The nodes that ended by themselves before the teardown, with the time."""
        return tuple(
            (entry.at, entry.event)
            for entry in self.entries
            if isinstance(entry.event, NodeExited) and not entry.event.expected and entry.at <= self.teardown_began
        )

    def started_again(self, node: str, after: float) -> float | None:
        """Return when a node was started after a moment; None if it was not."""
        starts = (e.at for e in self.entries if isinstance(e.event, NodeStarted) and e.event.node == node)
        return next((at for at in starts if at > after), None)

    def _failed_expectations(self) -> Iterator[Failed]:
        broken: dict[str, float] = {}
        for entry in self.entries:
            if isinstance(entry.event, ExpectationBroken):
                broken.setdefault(entry.event.expectation, entry.at)
        for judged in self.record.summary.judgements:
            if not judged.passed:
                text = "\n".join((judged.message, *judged.evidence))  # the observations name nodes that did well, too
                yield Failed(judged.expectation, text, broken.get(judged.expectation))

    def _failed_workloads(self) -> Iterator[Failed]:
        for entry in self.entries:
            if isinstance(entry.event, WorkloadEnded) and entry.event.outcome in {"failed", "errored"}:
                yield Failed(entry.event.workload, entry.event.error or "", entry.at)

    def _failed_phases(self) -> Iterator[Failed]:
        for entry in self.entries:
            if isinstance(entry.event, PhaseEnded) and entry.event.error is not None:
                yield Failed(entry.event.phase, entry.event.error, entry.at)
