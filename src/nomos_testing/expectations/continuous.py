"""Expectations that watch while the run lasts: ``always``, ``eventually``, ``sometimes``.

A check is a function of a ``RunView``. It runs at every block and reorganisation, at the start and end of every fault,
each time the block feed asks the nodes, and once more when the run is judged.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from nomos_testing.blocks.block_feed import FeedEvent, poll_interval
from nomos_testing.expectations.expectation_events import ExpectationBroken
from nomos_testing.expectations.run_view import RunView
from nomos_testing.faults.durations import Time, span
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import Seen

Check = Callable[[RunView], bool | Seen]
"""Tells whether something holds. A ``Seen`` also says what was seen, which the error text quotes."""
MOST_EVIDENCE: Final = 10


class RunningContinuous(ABC):
    """Watches one run. A subclass implements ``take`` (one look) and ``judge`` (the end)."""

    def __init__(self, name: str, ctx: RunContext) -> None:
        self._name = name
        self._ctx = ctx
        self._started = monotonic()
        self._looks = 0

    @property
    def name(self) -> str:
        return self._name

    async def capture(self, ctx: RunContext) -> None:
        self._started = monotonic()
        ctx.spawn(self._follow_feed(ctx), name=f"{self.name}: blocks")
        ctx.spawn(self._follow_time(ctx), name=f"{self.name}: time and faults")

    async def evaluate(self, ctx: RunContext) -> Observation:
        self._look(ctx, None)
        return self.judge()

    @abstractmethod
    def take(self, view: RunView) -> None:
        """Evaluate one look."""

    @abstractmethod
    def judge(self) -> Observation:
        """
        Raises:
            ExpectationFailed: it did not hold.
        """

    @property
    def looks(self) -> int:
        return self._looks

    def broken(self, view: RunView, description: str) -> str:
        """Write a breach into the journal at once, and return its line of evidence."""
        faults = tuple(str(record.planned) for record in view.faults.active())
        self._ctx.journal().write(
            ExpectationBroken(
                expectation=self.name, description=description, slot=round(view.slot, 1), active_faults=faults
            )
        )
        circumstances = f"during {', '.join(faults)}" if faults else "no fault active"
        return f"slot {view.slot:.1f}, {circumstances}: {description}"

    async def _follow_feed(self, ctx: RunContext) -> None:
        async for event in ctx.block_feed().subscribe():
            self._look(ctx, event)

    async def _follow_time(self, ctx: RunContext) -> None:
        poll, changed = poll_interval(ctx.run_metrics().slot_duration), asyncio.Event()
        ctx.faults().listen(lambda record: changed.set())
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(poll):
                    await changed.wait()
            changed.clear()
            self._look(ctx, None)

    def look(self, view: RunView) -> None:
        """Count a look and evaluate it."""
        self._looks += 1
        self.take(view)

    def _look(self, ctx: RunContext, event: FeedEvent | None) -> None:
        self.look(
            RunView(
                at=monotonic(),
                started=self._started,
                slot_seconds=ctx.run_metrics().slot_duration or 1.0,
                history=ctx.block_feed().history,
                nodes=ctx.block_feed().nodes(),
                faults=ctx.faults(),
                event=event,
            )
        )


@dataclass(frozen=True, slots=True)
class Always:
    """The check holds at every look. With ``outside_faults``, looks during a fault do not count."""

    name: str
    check: Check
    outside_faults: bool = field(default=False, kw_only=True)

    def prepare(self, plan: RunPlan) -> None:
        """There are no numbers to check."""

    def begin(self, ctx: RunContext) -> RunningAlways:
        return RunningAlways(self.name, ctx, ctx.parts.of(self.check), outside_faults=self.outside_faults)

    def file_section(self) -> Mapping[str, Any] | None:
        """Return the same in a scenario file, or None for a check written in Python."""
        condition = section_of(self.check)
        if condition is None:
            return None
        return {"always": {"condition": condition, "name": self.name, "outside_faults": self.outside_faults}}


class RunningAlways(RunningContinuous):
    """Counts the looks of one run at which the check does not hold."""

    def __init__(
        self,
        name: str,
        ctx: RunContext,
        check: Check,
        *,
        outside_faults: bool = False,
        observed: Callable[[], Any] | None = None,
    ) -> None:
        """Make the expectation. ``observed`` gives the value for the summary; by default the number of checks."""
        super().__init__(name, ctx)
        self._check = check
        self._outside_faults = outside_faults
        self._observed = observed
        self._breaches = 0
        self._evidence: list[str] = []
        self._last: Seen | None = None

    def take(self, view: RunView) -> None:
        if self._outside_faults and not view.quiet:
            return
        seen = seen_of(self._check(view))
        if not seen.fulfilled:
            self._breaches += 1
            # Looks in a row at which the check does not hold are one breach.
            if (self._last is None or self._last.fulfilled) and len(self._evidence) < MOST_EVIDENCE:
                self._evidence.append(self.broken(view, seen.description or "it does not hold"))
        self._last = seen

    def judge(self) -> Observation:
        if self._breaches:
            raise ExpectationFailed(
                f"did not hold at {self._breaches} of {self.looks} looks; first at {self._evidence[0]}",
                observed=self._breaches,
                required=0,
                evidence=self._evidence,
            )
        observed = f"held at {self.looks} looks" if self._observed is None else self._observed()
        return Observation(observed=observed, required="always")


@dataclass(slots=True)
class _Obligation:
    since: float
    reason: str
    fulfilled_after: float | None = None
    """Slots from ``since``; None while the check has not held."""
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Eventually:
    """The check holds at least once within a time after the start, or after each heal.

    If another fault follows before the check holds, the time begins again with that fault's heal.
    """

    name: str
    check: Check
    within: Time = field(kw_only=True)
    after_each_heal: bool = field(default=False, kw_only=True)

    def prepare(self, plan: RunPlan) -> None:
        if not 0 < span(self.within).amount < float("inf"):
            raise ValueError(f"within: expected above 0, got {span(self.within)}")

    def begin(self, ctx: RunContext) -> RunningEventually:
        slot = ctx.run_metrics().slot_duration or 1.0
        limit = span(self.within).in_seconds(slot) / slot
        check = ctx.parts.of(self.check)
        return RunningEventually(self.name, ctx, check, limit=limit, after_each_heal=self.after_each_heal)

    def file_section(self) -> Mapping[str, Any] | None:
        """Return the same in a scenario file, or None for a check written in Python."""
        condition = section_of(self.check)
        if condition is None:
            return None
        times = {"within": span(self.within).to_json(), "after_each_heal": self.after_each_heal}
        return {"eventually": {"condition": condition, "name": self.name, **times}}


class RunningEventually(RunningContinuous):
    """Notes when the check holds after the start or after each heal of one run. ``limit`` is in slots."""

    def __init__(self, name: str, ctx: RunContext, check: Check, *, limit: float, after_each_heal: bool) -> None:
        super().__init__(name, ctx)
        self._check = check
        self._limit = limit
        self._after_each_heal = after_each_heal
        self._obligations: dict[int, _Obligation] = {}
        self._evidence: list[str] = []

    async def capture(self, ctx: RunContext) -> None:
        await super().capture(ctx)
        if not self._after_each_heal:
            self._obligations[0] = _Obligation(monotonic(), "the start")

    def take(self, view: RunView) -> None:
        if self._after_each_heal:
            self._note_heals(view)
        due = [item for item in self._obligations.values() if item.fulfilled_after is None and not item.overdue]
        if not due:
            return
        seen = seen_of(self._check(view))
        for item in due:
            waited = view.slots_since(item.since)
            if waited > self._limit:
                item.overdue = True
                description = f"not within {self._limit:g} slots of {item.reason}: {seen.description or 'not seen'}"
                self._evidence.append(self.broken(view, description))
            elif seen.fulfilled:
                item.fulfilled_after = waited

    def judge(self) -> Observation:
        items = self._obligations.values()
        open_ones = [f"not seen since {item.reason}" for item in items if item.fulfilled_after is None]
        if self._evidence or open_ones:
            evidence = self._evidence or open_ones
            raise ExpectationFailed(
                evidence[0], observed=None, required=f"within {self._limit:g} slots", evidence=evidence[:MOST_EVIDENCE]
            )
        slowest = max((item.fulfilled_after or 0.0 for item in items), default=0.0)
        return Observation(observed=f"{slowest:.1f} slots at most", required=f"within {self._limit:g} slots")

    def _note_heals(self, view: RunView) -> None:
        if not view.quiet:
            for number in [key for key, item in self._obligations.items() if item.fulfilled_after is None]:
                if not self._obligations[number].overdue:
                    del self._obligations[number]
            return
        # For faults that are healed together, only the last one counts.
        last = max(view.faults.records, key=lambda record: record.healed_at or 0.0, default=None)
        if last is not None and last.healed_at is not None and last.planned.number not in self._obligations:
            self._obligations[last.planned.number] = _Obligation(last.healed_at, f"the heal of {last.planned}")


@dataclass(frozen=True, slots=True)
class Sometimes:
    """The check holds at one look at least. This proves that the run did what it was made for."""

    name: str
    check: Check

    def prepare(self, plan: RunPlan) -> None:
        """There are no numbers to check."""

    def begin(self, ctx: RunContext) -> RunningSometimes:
        return RunningSometimes(self.name, ctx, ctx.parts.of(self.check))

    def file_section(self) -> Mapping[str, Any] | None:
        """Return the same in a scenario file, or None for a check written in Python."""
        condition = section_of(self.check)
        return None if condition is None else {"sometimes": {"condition": condition, "name": self.name}}


class RunningSometimes(RunningContinuous):
    """Notes the looks of one run at which the check holds."""

    def __init__(self, name: str, ctx: RunContext, check: Check) -> None:
        super().__init__(name, ctx)
        self._check = check
        self._seen: list[str] = []
        self._last = ""

    def take(self, view: RunView) -> None:
        seen = seen_of(self._check(view))
        self._last = seen.description
        if seen.fulfilled:
            self._seen.append(f"slot {view.slot:.1f}" + (f": {seen.description}" if seen.description else ""))

    def judge(self) -> Observation:
        if not self._seen:
            last = f"; last seen: {self._last}" if self._last else ""
            raise ExpectationFailed(f"never held in {self.looks} looks{last}", observed=0, required=1)
        return Observation(observed=f"{len(self._seen)} times, first at {self._seen[0]}", required="once")


def seen_of(outcome: bool | Seen) -> Seen:
    return outcome if isinstance(outcome, Seen) else Seen(bool(outcome), "")


def section_of(part: Any) -> Any:
    """Return a part of a scenario as a section of a scenario file, or None for a part that only Python can express."""
    say = getattr(part, "file_section", None)
    return None if say is None else say()
