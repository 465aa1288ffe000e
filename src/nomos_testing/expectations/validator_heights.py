"""Heights of validators: at the end of the run each of them has a chain of so many blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nomos_testing.cluster.roles import Role
from nomos_testing.expectations.liveness import NO_ANSWER, HeightSample, sample_height
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorHeights:
    """Every validator has a height of ``blocks`` or more at the end of the run."""

    name: ClassVar[str] = "validator_heights"
    blocks: int

    def file_section(self) -> Mapping[str, Any]:
        """Return the same in a scenario file."""
        return {"validator_heights": {"blocks": self.blocks}}

    def prepare(self, plan: RunPlan) -> None:
        if plan.topology.validators == 0:
            raise ValueError("validator_heights requires at least one validator")

    def begin(self, ctx: RunContext) -> RunningValidatorHeights:
        return RunningValidatorHeights(self)


class RunningValidatorHeights:
    """Asks the validators of one run at its end."""

    def __init__(self, wanted: ValidatorHeights) -> None:
        self.name = wanted.name
        self._blocks = wanted.blocks

    async def capture(self, ctx: RunContext) -> None:
        """There is nothing to note at the start."""

    async def evaluate(self, ctx: RunContext) -> Observation:
        validators = [node for node in ctx.cluster().nodes if node.role is Role.VALIDATOR]
        answers = await asyncio.gather(*(sample_height(node, ctx.patience()) for node in validators))
        heights = [answer.height if isinstance(answer, HeightSample) else None for answer in answers]
        issues = [
            f"validator {index} height {height} should reach at least {self._blocks} blocks"
            if height is not None
            else str(answer)
            for index, (answer, height) in enumerate(zip(answers, heights, strict=True))
            if height is None or height < self._blocks
        ]
        observed = {
            node.name: NO_ANSWER if height is None else height for node, height in zip(validators, heights, strict=True)
        }
        if issues:
            raise ExpectationFailed("\n".join(issues), observed=observed, required=self._blocks, evidence=issues)
        return Observation(observed=observed, required=self._blocks)
