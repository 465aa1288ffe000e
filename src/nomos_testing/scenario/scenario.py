"""A scenario as a value. It is valid: everything was checked while it was built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from nomos_testing.faults.plan import FaultPlan
from nomos_testing.runtime.interfaces import AnyExpectation, AnyWorkload, RunPlan
from nomos_testing.scenario.serialization import ScenarioSource
from nomos_testing.topology import PodPlacement, TopologySpec
from nomos_testing.topology.timing import RunTiming
from nomos_testing.workloads.blobs.workload import DataAvailabilityWorkload

_NO_FAULTS: Final = FaultPlan()
_NO_SOURCE: Final = ScenarioSource(not_replayable_because="it was not made by a builder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario: topology, workloads, expectations, duration, seed.

    A run changes nothing of it, so one scenario can run several times, also at the same time.
    """

    name: str
    """Name in reports and of the run directory."""
    topology: TopologySpec
    """The network."""
    workloads: tuple[AnyWorkload, ...]
    """The load on the network."""
    expectations: tuple[AnyExpectation, ...]
    """Expectations: first those of the workloads, in their order, then the others."""
    metrics: RunTiming
    """The timing of the run."""
    seed: int
    """Node keys and every random choice of the run follow from it."""
    node_control: bool = False
    """True if workloads and faults may stop and start nodes."""
    network_control: bool = False
    """True if links can be cut and slowed. The nodes then talk through a relay."""
    faults: FaultPlan = _NO_FAULTS
    """The plan of faults. It follows from the schedule and the seed."""
    source: ScenarioSource = _NO_SOURCE
    """The scenario as a file, to run it again."""
    k8s: PodPlacement = field(default_factory=PodPlacement)
    """The wishes for pods on Kubernetes."""
    notices: tuple[str, ...] = ()
    """Messages for the user."""

    @property
    def disperses_blobs(self) -> bool:
        """True if the scenario uses data availability, which needs parameters, memberships and subnetworks."""
        return any(isinstance(workload, DataAvailabilityWorkload) for workload in self.workloads)

    @property
    def plan(self) -> RunPlan:
        """The plan of its runs."""
        return RunPlan(
            topology=self.topology,
            metrics=self.metrics,
            seed=self.seed,
            node_control=self.node_control,
            network_control=self.network_control,
            faults=self.faults,
        )

    @property
    def duration(self) -> float:
        """Length of the run, in seconds."""
        return self.metrics.run_duration
