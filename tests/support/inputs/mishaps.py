"""A plugin file: the workload ``mishap`` makes a run fail in ways that users meet."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import psutil
from pydantic import Field

from nomos_testing import Expectation, RunContext, RunPlan, Section, Workload, workload

SLOTS_BEFORE = 4
Kind = Literal["kill", "fill disk", "cut", "slow", "bug"]


@workload("mishap")
class MishapSection(Section):
    """Do something to the node validator-1, some slots after the start."""

    of: Kind = Field(description="The mishap.")

    def build(self) -> Workload:
        return Mishap(self.of)


class Mishap:
    name = "mishap"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def expectations(self) -> list[Expectation]:
        return []

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check before the run."""

    async def run(self, ctx: RunContext) -> None:
        await asyncio.sleep(SLOTS_BEFORE * (ctx.run_metrics().slot_duration or 1.0))
        nodes, network, cluster = ctx.node_control(), ctx.network_control(), ctx.cluster()
        assert nodes is not None
        assert network is not None
        victim = cluster.nodes[1]
        match self._kind:
            case "kill":
                await nodes.kill(victim)
            case "fill disk":
                await nodes.fill_disk(victim)
            case "cut":
                others = {node.name for node in cluster.nodes} - {victim.name}
                await network.partition([{victim.name}, others])
            case "slow":
                await slowed(victim)
            case "bug":
                nothing: dict[str, str] = {}
                nothing["missing"]


async def slowed(node: Any) -> None:
    """Let a node's process run for a tenth of the time, as on a machine that does something else."""
    process = psutil.Process(node.host.pid)
    try:
        while True:
            process.suspend()
            await asyncio.sleep(2.7)
            process.resume()
            await asyncio.sleep(0.3)
    finally:
        process.resume()
