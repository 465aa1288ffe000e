"""The workload that injects the faults of a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from nomos_testing.faults.errors import FieldPath
from nomos_testing.faults.execution import FaultExecution
from nomos_testing.faults.planner import Request
from nomos_testing.faults.schedule import Entry
from nomos_testing.runtime.interfaces import Expectation, RunContext, RunPlan


@dataclass(frozen=True, slots=True)
class FaultInjection:
    """Injects and heals what the plan has for its entries."""

    name: ClassVar[str] = "faults"
    entries: tuple[Entry, ...]

    def expectations(self) -> Sequence[Expectation]:
        return ()

    def fault_requests(self, plan: RunPlan, path: FieldPath) -> Sequence[Request]:
        """Return the requests to the planner. Their paths point to the scenario's list of faults."""
        return [
            Request(entry=entry, origin=self.name, path=("faults", index)) for index, entry in enumerate(self.entries)
        ]

    def prepare(self, plan: RunPlan) -> None:
        """Do nothing: the planner checks everything."""

    async def run(self, ctx: RunContext) -> None:
        """
        Raises:
            FaultFailed: a fault could not be injected, healed, or seen to be healed.
        """
        await execution_of(ctx, self.name).run()


def execution_of(ctx: RunContext, origin: str) -> FaultExecution:
    """Make the execution of a workload's part of the plan. It is healed at the end of the run's duration."""
    execution = FaultExecution(ctx.plan().faults.of(origin), ctx.cluster(), ctx.faults(), ctx.journal(), ctx.patience())
    ctx.on_heal(execution.finish)
    return execution
