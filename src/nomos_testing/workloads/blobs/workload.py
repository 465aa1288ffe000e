"""The data availability workload: channels that are inscribed and filled with blobs, all at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nomos_core.identifiers import ChannelId
from nomos_testing.runtime.counters import BLOBS_PLANNED
from nomos_testing.runtime.errors import described
from nomos_testing.runtime.interfaces import Expectation, RunContext, RunPlan
from nomos_testing.topology import TopologySpec
from nomos_testing.workloads.blobs.channels import ChannelFlow, ChannelProgress, DispersalFailed, DispersalTurns
from nomos_testing.workloads.blobs.events import BlobsFinished
from nomos_testing.workloads.blobs.inclusion import BlobInclusion, Dispersed
from nomos_testing.workloads.blobs.planning import BlobPlan, blob_plan
from nomos_testing.workloads.blobs.verification import VerifyBlobs


class DataAvailabilityWorkload:
    """``blob_rate`` blobs a block over ``channel_rate`` channels and ``headroom_percent`` more.

    Without ``channel_rate`` over as many channels as carry the rate; see ``blob_planning``.
    """

    name: Final = "channel_workload"

    def __init__(
        self,
        *,
        channel_rate: int | None = None,
        blob_rate: int = 1,
        headroom_percent: int | None = None,
        verify_blobs: bool = True,
    ) -> None:
        if channel_rate is not None and channel_rate < 1:
            raise ValueError("channel rate must be non-zero")
        if blob_rate < 1:
            raise ValueError("blob rate must be non-zero")
        if headroom_percent is not None and headroom_percent < 0:
            raise ValueError(f"headroom percent: expected 0 or more, got {headroom_percent}")
        self._channel_rate = channel_rate
        self._blob_rate = blob_rate
        self._headroom_percent = headroom_percent
        self._verify_blobs = verify_blobs
        self._plan: BlobPlan | None = None
        self._dispersed: list[Dispersed] = []
        self._overdue: list[Dispersed] = []
        self._progress: list[ChannelProgress] = []

    @property
    def blob_rate(self) -> int:
        return self._blob_rate

    @property
    def channels(self) -> Sequence[ChannelId]:
        """Empty before ``prepare``."""
        return self._plan.channels if self._plan else ()

    @property
    def planned(self) -> int:
        """Blobs; 0 before ``prepare``."""
        return self._plan.planned if self._plan else 0

    @property
    def capacity(self) -> int:
        """Blobs that a healthy network gets into blocks; 0 before ``prepare``."""
        return self._plan.capacity if self._plan else 0

    @property
    def overdue(self) -> Sequence[Dispersed]:
        """Blobs that were in no block long after their dispersal."""
        return self._overdue

    @property
    def progress(self) -> Sequence[ChannelProgress]:
        """How far each channel has come in this run."""
        return self._progress

    def describe_load(self, plan: RunPlan) -> Sequence[str]:
        """The blobs and channels of the plan in sentences; empty before ``prepare``."""
        return self._plan.sentences() if self._plan else ()

    @property
    def dispersed(self) -> Sequence[Dispersed]:
        """What executors have dispersed so far in this run."""
        return self._dispersed

    def expectations(self) -> Sequence[Expectation]:
        inclusion = BlobInclusion(self)
        return (inclusion, VerifyBlobs(self)) if self._verify_blobs else (inclusion,)

    def file_section(self) -> Mapping[str, Any]:
        section = {
            "channel_rate": self._channel_rate,
            "blob_rate": self._blob_rate,
            "headroom_percent": self._headroom_percent,
            "verify_blobs": self._verify_blobs,
        }
        return {"data_availability": {key: value for key, value in section.items() if value is not None}}

    def prepare(self, plan: RunPlan) -> None:
        _check_topology(plan.topology)
        self._plan = blob_plan(
            plan,
            blob_rate=self._blob_rate,
            channel_rate=self._channel_rate,
            headroom_percent=self._headroom_percent,
        )

    async def run(self, ctx: RunContext) -> None:
        """Fill every channel.

        Raises:
            DispersalFailed: no executor dispersed a blob, or no node took a channel's inscription; the first channel
                that fails ends the others.
        """
        assert self._plan is not None, "prepare comes first"
        self._dispersed, self._overdue = [], []
        self._progress = [ChannelProgress(channel) for channel in self._plan.channels]
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
