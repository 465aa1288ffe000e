"""The network recovers from every fault within a time after its heal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from nomos_testing.blocks.block_feed import poll_interval
from nomos_testing.expectations.continuous import RunningAlways
from nomos_testing.expectations.run_view import RunView
from nomos_testing.faults.durations import Span, Time, span
from nomos_testing.faults.fault_log import FaultRecord
from nomos_testing.faults.recovery import RECOVERED_WITHIN_BLOCKS
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.waiting import Seen, WaitTimeout, wait_until

DEFAULT_WITHIN: Final = Span(30, "slots")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoversFromFaults:
    """After each heal every node is within two blocks of the highest again, on the same chain, in time.

    Recovery may take longer while another fault is active, but it must happen before the run ends.
    """

    name: ClassVar[str] = "recovers_from_faults"
    within: Time = DEFAULT_WITHIN

    def prepare(self, plan: RunPlan) -> None:
        if not 0 < span(self.within).amount < float("inf"):
            raise ValueError(f"within: expected above 0, got {span(self.within)}")

    def begin(self, ctx: RunContext) -> RunningRecoversFromFaults:
        return RunningRecoversFromFaults(self.name, ctx, span(self.within))

    def file_section(self) -> Mapping[str, Any]:
        return {"recovers_from_faults": {"within": span(self.within).to_json()}}


class RunningRecoversFromFaults(RunningAlways):
    """Judges the recoveries of one run."""

    def __init__(self, name: str, ctx: RunContext, within: Span) -> None:
        super().__init__(name, ctx, self._in_time)
        self._within = within

    async def evaluate(self, ctx: RunContext) -> Observation:
        """Wait for a recovery whose time is not over at the end of the run, then judge."""
        slot, log = ctx.run_metrics().slot_duration, ctx.faults()
        healed_at, limit = log.faultless_since() or -math.inf, self._within.in_seconds(slot or 1.0)

        async def look() -> Seen:
            return Seen(not log.unrecovered(), "nodes are still behind")

        with suppress(WaitTimeout):
            left = max(0.0, healed_at + limit - monotonic())
            await wait_until("recovery from every fault", look, timeout=left, poll=poll_interval(slot))
        return await super().evaluate(ctx)

    def judge(self) -> Observation:
        super().judge()
        slot = self._ctx.run_metrics().slot_duration or 1.0
        records = self._ctx.faults().records
        limit = self._within.in_seconds(slot) / slot
        unrecovered = [str(record.planned) for record in records if record.recovered_at is None]
        if unrecovered:
            evidence = [
                f"{fault}: not every node came within {RECOVERED_WITHIN_BLOCKS} blocks again" for fault in unrecovered
            ]
            raise ExpectationFailed(
                f"the network did not recover from {', '.join(unrecovered)}",
                observed=f"{len(unrecovered)} of {len(records)} faults without recovery",
                required=f"within {limit:g} slots",
                evidence=evidence,
            )
        return Observation(observed=_slowest(records, slot), required=f"within {limit:g} slots")

    def _in_time(self, view: RunView) -> Seen:
        limit = self._within.in_seconds(view.slot_seconds)
        late = [
            f"{record.planned} was healed {view.slots_since(record.healed_at):.0f} slots ago and nodes are still behind"
            for record in view.faults.unrecovered()
            if record.healed_at is not None and not record.overlapped and view.at - record.healed_at > limit
        ]
        return Seen(not late, "; ".join(late) or "recovered in time")


def _slowest(records: Sequence[FaultRecord], slot_seconds: float) -> str:
    times = [
        (record.recovered_at - record.healed_at) / slot_seconds
        for record in records
        if record.recovered_at is not None and record.healed_at is not None
    ]
    return f"{max(times):.1f} slots at most, {len(times)} faults" if times else "no faults"
