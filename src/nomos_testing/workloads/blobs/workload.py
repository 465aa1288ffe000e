"""The data availability workload: it inscribes channels and fills them with blobs, all at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nomos_core.identifiers import ChannelId
from nomos_testing.runtime.counters import BLOBS_PLANNED
from nomos_testing.runtime.errors import described
from nomos_testing.runtime.interfaces import ExpectationSpec, RunContext, RunPlan
from nomos_testing.topology import TopologySpec
from nomos_testing.workloads.blobs.channels import ChannelFlow, ChannelProgress, DispersalFailed, DispersalTurns
from nomos_testing.workloads.blobs.events import BlobsFinished
from nomos_testing.workloads.blobs.inclusion import BlobInclusion, Dispersed
from nomos_testing.workloads.blobs.planning import BlobPlan, blob_plan
from nomos_testing.workloads.blobs.verification import VerifyBlobs


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailabilityWorkload:
    """``blob_rate`` blobs a block over ``channel_rate`` channels and ``headroom_percent`` more.

    Without ``channel_rate`` there are as many channels as the rate needs, see ``planning``.
    """

    name: ClassVar[str] = "channel_workload"
    channel_rate: int | None = None
    blob_rate: int = 1
    headroom_percent: int | None = None
    verify_blobs: bool = True

    def __post_init__(self) -> None:
        if self.channel_rate is not None and self.channel_rate < 1:
            raise ValueError("channel rate must be non-zero")
        if self.blob_rate < 1:
            raise ValueError("blob rate must be non-zero")
        if self.headroom_percent is not None and self.headroom_percent < 0:
            raise ValueError(f"headroom percent: expected 0 or more, got {self.headroom_percent}")

    def blobs(self, plan: RunPlan) -> BlobPlan:
        """Plan the channels and blobs of a run.

        Raises:
            ValueError: the network of this run cannot carry them.
        """
        _check_topology(plan.topology)
        return blob_plan(
            plan,
            blob_rate=self.blob_rate,
            channel_rate=self.channel_rate,
            headroom_percent=self.headroom_percent,
        )

    def expectations(self) -> Sequence[ExpectationSpec]:
        inclusion = BlobInclusion(self)
        return (inclusion, VerifyBlobs(self)) if self.verify_blobs else (inclusion,)

    def prepare(self, plan: RunPlan) -> None:
        self.blobs(plan)

    def describe_load(self, plan: RunPlan) -> Sequence[str]:
        """Say how many blobs a run disperses, over how many channels, and why so many."""
        return self.blobs(plan).sentences()

    def begin(self, ctx: RunContext) -> RunningDataAvailabilityWorkload:
        return RunningDataAvailabilityWorkload(self, self.blobs(ctx.plan()))

    def file_section(self) -> Mapping[str, Any]:
        """Return the same in a scenario file."""
        section = {
            "channel_rate": self.channel_rate,
            "blob_rate": self.blob_rate,
            "headroom_percent": self.headroom_percent,
            "verify_blobs": self.verify_blobs,
        }
        return {"data_availability": {key: value for key, value in section.items() if value is not None}}


class RunningDataAvailabilityWorkload:
    """Inscribes and fills the channels of one run."""

    def __init__(self, wanted: DataAvailabilityWorkload, plan: BlobPlan) -> None:
        self.name = wanted.name
        self.blob_rate = wanted.blob_rate
        self._plan = plan
        self._dispersed: list[Dispersed] = []
        self._overdue: list[Dispersed] = []
        self._progress = [ChannelProgress(channel) for channel in plan.channels]

    @property
    def channels(self) -> Sequence[ChannelId]:
        return self._plan.channels

    @property
    def planned(self) -> int:
        """The number of blobs that the run is to disperse."""
        return self._plan.planned

    @property
    def capacity(self) -> int:
        """The most blobs that a healthy network includes."""
        return self._plan.capacity

    @property
    def dispersed(self) -> Sequence[Dispersed]:
        """The blobs that executors have dispersed so far."""
        return self._dispersed

    @property
    def overdue(self) -> Sequence[Dispersed]:
        """The blobs that were in no block long after their dispersal."""
        return self._overdue

    @property
    def progress(self) -> Sequence[ChannelProgress]:
        """The progress of each channel."""
        return self._progress

    async def run(self, ctx: RunContext) -> None:
        """Fill every channel.

        Raises:
            DispersalFailed: no executor dispersed a blob, or no node accepted an inscription. The first channel that
                fails ends the others.
        """
        turns = DispersalTurns(self._plan.timing.between)
        ctx.counters().set(BLOBS_PLANNED, self._plan.planned)
        try:
            async with asyncio.TaskGroup() as flows:
                for progress in self._progress:
                    flows.create_task(self._flow(ctx, progress, turns, self._plan.per_channel).run())
        except* DispersalFailed as failures:
            raise DispersalFailed(described(failures)) from failures
        finally:
            ctx.journal().write(
                BlobsFinished(planned=self._plan.planned, dispersed=len(self._dispersed), overdue=len(self._overdue))
            )

    def _flow(self, ctx: RunContext, progress: ChannelProgress, turns: DispersalTurns, blobs: int) -> ChannelFlow:
        return ChannelFlow(ctx, progress, turns, blobs=blobs, dispersed=self._dispersed, overdue=self._overdue)


def _check_topology(topology: TopologySpec) -> None:
    if not topology.executors:
        raise ValueError("da workload requires at least one executor")
    columns = topology.da.num_subnets
    if columns < 2:
        raise ValueError(
            f"a blob has at least two columns, one for each subnetwork, and a network of {topology.node_count} "
            f"node{'s' * (topology.node_count != 1)} has {columns}: add a node"
        )
    if columns & (columns - 1):
        raise ValueError(f"a blob has as many columns as there are subnetworks, a power of two; got {columns}")
