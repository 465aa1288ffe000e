"""An expectation of one's own: the leaders of a full mesh share the work.

Run it with ``.venv/bin/python examples/custom_expectation.py``.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from nomos_testing import ExpectationFailed, LocalDeployer, Observation, RunContext, RunPlan, Scenario, ScenarioBuilder


class EveryNodeShowsBlocks:
    """Each node is the first to show at least one block."""

    name = "every_node_shows_blocks"

    def prepare(self, plan: RunPlan) -> None:
        if plan.topology.node_count < 2:
            raise ValueError("needs two nodes or more")

    async def capture(self, ctx: RunContext) -> None:
        """The block feed remembers all that is needed."""

    async def evaluate(self, ctx: RunContext) -> Observation:
        seen_by = Counter(node for record in ctx.block_feed().records() for node in record.seen_by)
        blind = [node.name for node in ctx.cluster().nodes if not seen_by[node.name]]
        if blind:
            raise ExpectationFailed(f"no block was ever seen on {', '.join(blind)}", observed=dict(seen_by), required=1)
        return Observation(observed=min(seen_by.values()), required=1)


def build(*, slot_seconds: float = 0.5, slots: int = 40) -> Scenario:
    return (
        ScenarioBuilder.topology(validators=3, layout="full")
        .named("custom-expectation")
        .slot(seconds=slot_seconds)
        .wallets(20)
        .transactions(rate=1)
        .expect_consensus_liveness()
        .with_expectation(EveryNodeShowsBlocks())
        .run_for(slots=slots)
        .build()
    )


async def main() -> int:
    async with LocalDeployer().deployed(build()) as runner:
        verdict = await runner.run()
    print("passed" if verdict.passed else f"{verdict.outcome}: {verdict.failure}", f"({verdict.run_directory})")
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
