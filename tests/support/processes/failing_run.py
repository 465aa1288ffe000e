"""A program whose workload breaks down while a live network of two nodes runs. Argument: the runs' directory."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nomos_testing import Expectation, LocalDeployer, RunContext, RunPlan, ScenarioBuilder


class BreaksDown:
    """Fails when the first block is there."""

    name = "breaks_down"

    def expectations(self) -> tuple[Expectation, ...]:
        return ()

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check."""

    async def run(self, ctx: RunContext) -> None:
        async for block in ctx.block_feed().blocks():
            raise ValueError(f"broken on purpose at height {block.height}")


async def main() -> int:
    builder = ScenarioBuilder.topology(validators=1, executors=1).slot(seconds=0.3)
    scenario = builder.with_workload(BreaksDown()).run_for(seconds=600).build()
    async with LocalDeployer(runs_directory=Path(sys.argv[1])).deployed(scenario) as runner:
        verdict = await runner.run()
    print(verdict.failure)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
