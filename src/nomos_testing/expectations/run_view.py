"""A run at one moment, as continuous expectations see it."""

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
    """When watching began, just before the workloads did."""
    slot_seconds: float
    history: ChainHistory
    """Every block seen so far, and each node's branch."""
    nodes: Mapping[str, NodeView]
    """What each node last answered."""
    faults: FaultLog
    event: FeedEvent | None = None
    """The block or reorganisation that is the reason to look; None where time has passed or a fault came or went."""

    @property
    def slot(self) -> float:
        """Slots since watching began."""
        return (self.at - self.started) / self.slot_seconds

    @property
    def quiet(self) -> bool:
        """No fault is there."""
        return not self.faults.active()

    @property
    def heights(self) -> Mapping[str, int]:
        """Of every node that has answered yet."""
        return {node: view.info.height for node, view in self.nodes.items() if view.info is not None}

    @property
    def behind(self) -> Mapping[str, int]:
        """How many blocks of the canonical chain each node does not have."""
        return {node: blocks_behind(self.history, tip) for node, tip in self.history.tips.items()}

    def slots_since(self, moment: float) -> float:
        return (self.at - moment) / self.slot_seconds
