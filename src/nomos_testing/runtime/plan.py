"""The facts of a run that are known before anything starts. Workloads check them and compute their targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nomos_testing.faults.plan import FaultPlan
from nomos_testing.topology.timing import RunTiming

if TYPE_CHECKING:
    from nomos_testing.topology import TopologySpec

_NO_FAULTS: Final = FaultPlan()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The facts of a run that are known before anything starts."""

    topology: TopologySpec
    """The network: numbers of nodes, layout, wallets, slot clock."""
    metrics: RunTiming
    """The timing: duration, slots, expected blocks."""
    seed: int
    """Node keys and every random choice follow from it."""
    node_control: bool = False
    """True if the run may stop and start nodes."""
    network_control: bool = False
    """True if the run may cut and slow the links between nodes."""
    faults: FaultPlan = _NO_FAULTS
    """Every fault of the run, with its time."""
