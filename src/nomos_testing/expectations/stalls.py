"""No node stalls: outside of faults every node's tip moves on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nomos_core.identifiers import HeaderId
from nomos_testing.expectations.continuous import Always, Check
from nomos_testing.expectations.liveness import MAX_SILENT_SLOTS
from nomos_testing.expectations.run_view import RunView
from nomos_testing.runtime.interfaces import RunContext
from nomos_testing.runtime.waiting import Seen

DEFAULT_SLOTS: Final = MAX_SILENT_SLOTS


class TipsMove:
    """Counts, for each node, the slots since its tip last changed, from the last heal at the earliest."""

    def __init__(self, slots: float) -> None:
        self._slots = slots
        self._tips: dict[str, HeaderId | None] = {}
        self._moved: dict[str, float] = {}
        self.longest = 0.0

    def __call__(self, view: RunView) -> Seen:
        tips = view.history.tips
        for node in view.nodes:
            tip = tips.get(node)
            if node not in self._moved or tip != self._tips[node]:
                self._tips[node], self._moved[node] = tip, view.at
        quiet_since = view.faults.quiet_since()
        if quiet_since is None:
            return Seen(True, "a fault is there")
        still = {node: view.slots_since(max(moved, quiet_since)) for node, moved in self._moved.items()}
        self.longest = max(self.longest, *still.values(), 0.0)
        stalled = [
            f"{node} has shown no new block for {slots:.0f} slots"
            for node, slots in still.items()
            if slots > self._slots
        ]
        return Seen(not stalled, "; ".join(stalled) or "all tips move")


class NoStalls(Always):
    """No node goes without a new block for more than ``slots`` slots while no fault is there."""

    def __init__(self, *, slots: float = DEFAULT_SLOTS) -> None:
        super().__init__("no_stalls", TipsMove(slots))
        self._slots = slots
        self._tips_move = TipsMove(slots)

    def check_numbers(self) -> None:
        if not 0 < self._slots < float("inf"):
            raise ValueError(f"slots: expected above 0, got {self._slots}")

    def fresh_check(self, ctx: RunContext) -> Check:
        self._tips_move = TipsMove(self._slots)
        return self._tips_move

    def observed(self) -> Any:
        return f"{self._tips_move.longest:.1f} slots at most"

    def file_section(self) -> Mapping[str, Any]:
        return {"no_stalls": {"slots": self._slots}}
