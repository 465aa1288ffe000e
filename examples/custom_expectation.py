"""An expectation of your own: the validators share the leading of the chain.

A block's header does not say who made it, because leaders are private in this protocol. Each node writes the blocks it
proposes to its own log, and a ``LogSource`` reads that log on every deployer. So the expectation counts, for each
node, the blocks of the canonical chain that the node's log names.

Run it with ``.venv/bin/python examples/custom_expectation.py``.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable

from nomos_testing import ExpectationFailed, LocalDeployer, Observation, RunContext, RunPlan, Scenario, ScenarioBuilder

PROPOSED = re.compile(r"proposed block with id 0x([0-9a-f]{64})")
"""What a node logs at level ``info`` for each block that it makes."""


class LeadersShareTheWork:
    """Each validator proposed at least ``least`` blocks of the canonical chain."""

    name = "leaders_share_the_work"

    def __init__(self, least: int = 1) -> None:
        self._least = least

    def prepare(self, plan: RunPlan) -> None:
        if plan.topology.validators < 2:
            raise ValueError("work is shared between two validators or more: add a validator")

    async def capture(self, ctx: RunContext) -> None:
        """Remember how far each validator's log is written, so that only this run's blocks count."""
        nodes = [node for node in ctx.cluster().nodes if node.role == "validator"]
        self._started = [(node, await node.logs.mark()) for node in nodes]

    async def evaluate(self, ctx: RunContext) -> Observation:
        canonical = {record.id.hex() for record in ctx.block_feed().canonical_chain()}
        led = {node.name: len(proposed_blocks(await node.logs.since(mark)) & canonical) for node, mark in self._started}
        if not any(led.values()):
            raise ExpectationFailed("no node's log names a block: is NOMOS_LOG_LEVEL above info?", observed=led)
        if idle := [name for name, blocks in led.items() if blocks < self._least]:
            text = f"{', '.join(idle)}: proposed fewer blocks of the chain than required"
            raise ExpectationFailed(text, observed=led, required=self._least)
        return Observation(observed=led, required=self._least)


def proposed_blocks(log: Iterable[str]) -> set[str]:
    """Collect the ids, in hex, of the blocks that a node's log says it proposed."""
    return {found[1] for line in log if (found := PROPOSED.search(line))}


def build(*, slot_seconds: float = 0.5, slots: int = 40) -> Scenario:
    return (
        ScenarioBuilder.topology(validators=3, layout="full")
        .named("custom-expectation")
        .slot(seconds=slot_seconds)
        .wallets(20)
        .transactions(rate=1)
        .expect_consensus_liveness()
        .with_expectation(LeadersShareTheWork())
        .run_for(slots=slots)
        .build()
    )


async def main() -> int:
    async with LocalDeployer().deployed(build()) as runner:
        verdict = await runner.run()
    for judgement in verdict.judgements:
        print(f"{judgement.name}: observed {judgement.observed}, required {judgement.required}")
    print("passed" if verdict.passed else f"{verdict.outcome}: {verdict.failure}", f"({verdict.run_directory})")
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
