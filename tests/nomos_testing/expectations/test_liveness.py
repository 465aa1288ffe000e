"""Consensus liveness asked of nodes: who does not answer, who lags, and a chain that stands still."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing.expectations import liveness
from nomos_testing.expectations.liveness import ConsensusLiveness
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation
from toy_blobs import da_bench


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "REQUEST_RETRY_DELAY", 0.0)


async def test_every_node_near_the_highest_is_life(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(6):
            bench.network.produce(empty=True)
        await bench.seen()
        assert await ConsensusLiveness().evaluate(bench.ctx) == Observation(
            observed={"validator-0": 6, "executor-0": 6}, required=5
        )


async def test_a_node_that_never_answers_is_named(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(6):
            bench.network.produce(empty=True)
        await bench.seen()
        bench.network.nodes["executor-0"].dead = True
        with pytest.raises(ExpectationFailed) as failed:
            await ConsensusLiveness().evaluate(bench.ctx)
        assert "consensus liveness violated (target=5):\n- executor-0 consensus_info failed: " in str(failed.value)


async def test_a_chain_of_few_blocks_is_none(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(4):
            bench.network.produce(empty=True)
        await bench.seen()
        with pytest.raises(ExpectationFailed, match="network height 4 below target 5"):
            await ConsensusLiveness().evaluate(bench.ctx)
