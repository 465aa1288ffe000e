"""Steady growth: outside of planned faults the tip of every node changes, from the start of the run to its verdict.

By default the odds of the leader lottery give the limit: a healthy network exceeds it once in a million runs. Spent
wallet notes take no part in the lottery, so the limit grows with the transactions of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.block_feed import NewBlock
from nomos_testing.blocks.lottery_odds import LotteryOdds
from nomos_testing.expectations.continuous import RunningAlways
from nomos_testing.expectations.run_view import RunView
from nomos_testing.runtime.interfaces import RunContext, RunPlan
from nomos_testing.waiting.waiting import Seen

MIN_STALL_SLOTS: Final = 10
"""A block needs some slots to reach a node that is busy or has to download the parents."""

Limit = Callable[[RunView], float]
"""Returns the most slots for which a tip may stay the same."""


class LotteryLimit:
    """Computes the limit from the odds of the lottery and the speed of this machine."""

    def __init__(self, odds: LotteryOdds, *, run_slots: float, machine_factor: float) -> None:
        self._odds = odds
        self._run_slots = run_slots
        self._machine_factor = machine_factor
        self._spent = 0
        self._limit = self._computed()

    @classmethod
    def of(cls, ctx: RunContext) -> LotteryLimit:
        metrics = ctx.run_metrics()
        run_slots = metrics.run_duration / (metrics.slot_duration or 1.0)
        odds = LotteryOdds.of(ctx.plan().topology)
        return cls(odds, run_slots=run_slots, machine_factor=ctx.patience().machine_factor)

    def __call__(self, view: RunView) -> float:
        if isinstance(view.event, NewBlock):
            transactions = view.event.record.block.transactions
            spent = sum(len(transaction.mantle_tx.ledger_tx.inputs) for transaction in transactions)
            if spent:
                self._spent += spent
                self._limit = self._computed()
        return self._limit

    def _computed(self) -> float:
        longest = self._odds.longest_stall(self._run_slots, self._spent)
        return max(longest, MIN_STALL_SLOTS) * self._machine_factor


class TipsMove:
    """Counts the slots since the last change of each node's tip, or since the last heal if that is later."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._tips: dict[str, HeaderId | None] = {}
        self._moved: dict[str, float] = {}
        self.longest = 0.0

    def __call__(self, view: RunView) -> Seen:
        tips = view.history.tips
        for node in view.nodes:
            tip = tips.get(node)
            if node not in self._moved or tip != self._tips[node]:
                self._tips[node], self._moved[node] = tip, view.at
        limit = self._limit(view)
        faultless_since = view.faults.faultless_since()
        if faultless_since is None:
            return Seen(True, "a fault is active")
        still = {node: view.slots_since(max(moved, faultless_since)) for node, moved in self._moved.items()}
        self.longest = max(self.longest, *still.values(), 0.0)
        stalled = [
            f"{node} has shown no new block for {slots:.0f} slots, since slot {view.slot - slots:.0f} "
            f"(at most {limit:.0f} allowed)"
            for node, slots in still.items()
            if slots > limit
        ]
        return Seen(not stalled, "; ".join(stalled) or "all tips move")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoStalls:
    """No node stays without a new block for more than ``slots`` slots while no fault is active.

    By default the odds of the leader lottery give the number of slots.
    """

    name: ClassVar[str] = "no_stalls"
    slots: float | None = None

    def prepare(self, plan: RunPlan) -> None:
        if self.slots is not None and not 0 < self.slots < float("inf"):
            raise ValueError(f"slots: expected above 0, got {self.slots}")

    def begin(self, ctx: RunContext) -> RunningAlways:
        slots = self.slots
        tips_move = TipsMove(LotteryLimit.of(ctx) if slots is None else lambda view: slots)
        return RunningAlways(self.name, ctx, tips_move, observed=lambda: f"{tips_move.longest:.1f} slots at most")

    def file_section(self) -> Mapping[str, Any]:
        return {"no_stalls": {} if self.slots is None else {"slots": self.slots}}
