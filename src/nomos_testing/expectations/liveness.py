"""Consensus liveness: the chain grows, it still grows at the end, and every node keeps near the highest one.

The height rules and their thresholds are the original framework's; that the chain must not have fallen silent is ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan

MAX_LAG_ALLOWANCE: Final = 5
MIN_PROGRESS_BLOCKS: Final = 5
REQUEST_RETRIES: Final = 5
REQUEST_RETRY_DELAY: Final = 2.0
MAX_SILENT_SLOTS: Final = 30
"""With a lone leader of two thirds of the slots, 30 slots without a block happen once in 10^14 runs."""


@dataclass(frozen=True, slots=True)
class HeightSample:
    node: str
    height: int


def liveness_target(expected_blocks: int, highest: int) -> int:
    """The height every node is measured against: what was expected, or the highest where that was not reached."""
    return expected_blocks if 0 < expected_blocks <= highest else highest


def allowed_lag(target: int, lag_allowance: int) -> int:
    """A tenth of the target, at least the configured allowance and at most 5 blocks."""
    return max(lag_allowance, min(target // 10, MAX_LAG_ALLOWANCE))


def height_issues(samples: Sequence[HeightSample], expected_blocks: int, lag_allowance: int) -> list[str]:
    """What is wrong with the heights, one line each; empty where nothing is."""
    highest = max((sample.height for sample in samples), default=0)
    target = liveness_target(expected_blocks, highest)
    lag = allowed_lag(target, lag_allowance)
    grown = [] if highest >= MIN_PROGRESS_BLOCKS else [f"network height {highest} below target {MIN_PROGRESS_BLOCKS}"]
    behind = [f"{s.node} height {s.height} below target {target}" for s in samples if s.height + lag < target]
    return grown + behind


def silence_issues(silent_slots: float) -> list[str]:
    if silent_slots <= MAX_SILENT_SLOTS:
        return []
    return [f"no new block for {silent_slots:.0f} slots (at most {MAX_SILENT_SLOTS} allowed)"]


class ConsensusLiveness:
    """Judged once, at the end, over all nodes; ``lag_allowance`` is in blocks, at most 5."""

    name: Final = "consensus_liveness"

    def __init__(self, *, lag_allowance: int = 2) -> None:
        if not 0 <= lag_allowance <= MAX_LAG_ALLOWANCE:
            raise ValueError(f"lag allowance: expected 0 to {MAX_LAG_ALLOWANCE} blocks, got {lag_allowance}")
        self._lag_allowance = lag_allowance

    def file_section(self) -> Mapping[str, Any]:
        """The same in a scenario file."""
        return {"consensus_liveness": {"lag_allowance": self._lag_allowance}}

    def prepare(self, plan: RunPlan) -> None:
        if plan.topology.node_count == 0:
            raise ValueError("consensus liveness requires at least one validator or executor")

    async def capture(self, ctx: RunContext) -> None:
        """Nothing is watched: the nodes are asked at the end."""

    async def evaluate(self, ctx: RunContext) -> Observation:
        answers = await asyncio.gather(*(_sample(node) for node in ctx.cluster().nodes))
        samples = [answer for answer in answers if isinstance(answer, HeightSample)]
        unreachable = [answer for answer in answers if isinstance(answer, str)]
        heights = {sample.node: sample.height for sample in samples}
        highest = max(heights.values(), default=0)
        target = liveness_target(ctx.expected_blocks(), highest)
        required = max(MIN_PROGRESS_BLOCKS, target - allowed_lag(target, self._lag_allowance))
        issues = (
            unreachable
            + height_issues(samples, ctx.expected_blocks(), self._lag_allowance)
            + silence_issues(_silent_slots(ctx))
        )
        if issues:
            listed = "\n".join(f"- {issue}" for issue in issues)
            raise ExpectationFailed(
                f"consensus liveness violated (target={target}):\n{listed}",
                observed=heights,
                required=required,
                evidence=issues,
            )
        return Observation(observed=heights, required=required)


def _silent_slots(ctx: RunContext) -> float:
    slot = ctx.run_metrics().slot_duration
    return ctx.block_feed().seconds_since_last_block() / slot if slot else 0.0


async def _sample(node: NodeHandle) -> HeightSample | str:
    failure: NodeClientError | None = None
    for attempt in range(REQUEST_RETRIES):
        if attempt:
            await asyncio.sleep(REQUEST_RETRY_DELAY)
        try:
            info = await node.client.consensus_info()
        except NodeClientError as error:
            failure = error
        else:
            return HeightSample(node.name, info.height)
    return f"{node.name} consensus_info failed: {failure}"
