"""Heights of validators: each has to reach the number of blocks, and executors do not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing import ExpectationFailed, ScenarioBuilder, ScenarioBuildError
from nomos_testing.expectations.liveness import NO_ANSWER
from nomos_testing.expectations.validator_heights import ValidatorHeights
from nomos_testing.outcome import Observation
from support.fakes.fake_blob_network import da_bench


async def test_every_validator_that_is_high_enough_passes(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(5):
            bench.network.produce(empty=True)
        bench.network.nodes["executor-0"].dead = True
        judged = await ValidatorHeights(blocks=5).begin(bench.ctx).evaluate(bench.ctx)
        assert judged == Observation(observed={"validator-0": 5}, required=5)


async def test_a_validator_that_is_too_low_is_named_with_its_height(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(4):
            bench.network.produce(empty=True)
        with pytest.raises(ExpectationFailed) as failed:
            await ValidatorHeights(blocks=5).begin(bench.ctx).evaluate(bench.ctx)
        assert str(failed.value) == "validator 0 height 4 should reach at least 5 blocks"
        assert failed.value.observed == {"validator-0": 4}


async def test_a_validator_that_does_not_answer_fails(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        bench.network.nodes["validator-0"].dead = True
        with pytest.raises(ExpectationFailed, match=r"^validator-0 consensus_info failed: ") as failed:
            await ValidatorHeights(blocks=5).begin(bench.ctx).evaluate(bench.ctx)
        assert failed.value.observed == {"validator-0": NO_ANSWER}


def test_a_network_without_validators_can_not_ask_for_it() -> None:
    builder = ScenarioBuilder.topology(validators=0, executors=2).run_for(seconds=60)
    with pytest.raises(ScenarioBuildError, match="validator_heights requires at least one validator"):
        builder.with_expectation(ValidatorHeights(blocks=5)).build()
