"""The state of a run at one moment. Continuous expectations are functions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nomos_testing.blocks.block_feed import FeedEvent, NodeView
from nomos_testing.blocks.chain_history import ChainHistory
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.faults.recovery import blocks_behind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """Times are Seconds on the event loop's clock."""

    at: float
    started: float
    """When the watching began, just before the workloads started."""
    slot_seconds: float
    history: ChainHistory
    """Every block seen so far, and each node's branch."""
    nodes: Mapping[str, NodeView]
    """The last answer of each node."""
    faults: FaultLog
    event: FeedEvent | None = None
    """The block or reorganisation that caused this look. None if time passed, or a fault began or ended."""

    @property
    def slot(self) -> float:
        """Slots since the watching began."""
        return (self.at - self.started) / self.slot_seconds

    @property
    def quiet(self) -> bool:
        """Whether no fault is active."""
        return not self.faults.active()

    @property
    def heights(self) -> Mapping[str, int]:
        """The height of each node that has answered so far."""
        return {node: view.info.height for node, view in self.nodes.items() if view.info is not None}

    @property
    def behind(self) -> Mapping[str, int]:
        """The number of canonical blocks that each node lacks."""
        return {node: blocks_behind(self.history, tip) for node, tip in self.history.tips.items()}

    def slots_since(self, moment: float) -> float:
        return (self.at - moment) / self.slot_seconds
