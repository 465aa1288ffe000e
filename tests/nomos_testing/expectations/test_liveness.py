"""Consensus liveness asked of nodes: who does not answer, who lags, and a chain that stands still."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nomos_core.cryptarchia.block import Block
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.expectations import liveness
from nomos_testing.expectations.liveness import ConsensusLiveness
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation
from nomos_testing.topology import TopologySpec, WalletSpec
from nomos_testing.waiting.machine import Patience
from support.fakes.fake_blob_network import HURRY, da_bench
from support.fakes.fake_chain import GENESIS_ID, fake_block
from support.fakes.watched_run import WatchedRun


async def test_every_node_near_the_highest_is_life(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(6):
            bench.network.produce(empty=True)
        await bench.seen()
        assert await ConsensusLiveness(window="original").begin(bench.ctx).evaluate(bench.ctx) == Observation(
            observed={"validator-0": 6, "executor-0": 6}, required=5
        )


async def test_a_node_that_never_answers_is_named(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(6):
            bench.network.produce(empty=True)
        await bench.seen()
        bench.network.nodes["executor-0"].dead = True
        with pytest.raises(ExpectationFailed) as failed:
            await ConsensusLiveness(window="original").begin(bench.ctx).evaluate(bench.ctx)
        assert "consensus liveness violated (target=5):\n- executor-0 consensus_info failed: " in str(failed.value)


async def test_a_chain_of_few_blocks_is_none(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.1) as bench:
        for _ in range(4):
            bench.network.produce(empty=True)
        await bench.seen()
        with pytest.raises(ExpectationFailed, match="network height 4 below target 5"):
            await ConsensusLiveness(window="original").begin(bench.ctx).evaluate(bench.ctx)


# --- the window of the run ---

RUN_SLOTS = 15
NODES = ("validator-0", "validator-1")


def fake_branch(length: int) -> list[Block]:
    blocks: list[Block] = []
    for slot in range(1, length + 1):
        blocks.append(fake_block(blocks[-1].id if blocks else GENESIS_ID, slot))
    return blocks


class Run:
    """A run of fifteen slots of a second, of which each block is first seen in the middle of its slot."""

    def __init__(self, slots: Sequence[int], *, has: Mapping[str, int] | None = None, dead: Sequence[str] = ()) -> None:
        self.started = time.monotonic() - 100
        self._dead = dead
        self.log = FaultLog()
        blocks = fake_branch(len(slots))
        self._records = [
            BlockRecord(
                block.id,
                block,
                height,
                NODES[0],
                self.started + slot + 0.5,
                {node: 0.0 for node in NODES if height <= (has or {}).get(node, len(slots))},
            )
            for height, (block, slot) in enumerate(zip(blocks, slots, strict=True), start=1)
        ]

    def plan(self) -> Any:
        return SimpleNamespace(topology=TopologySpec(validators=2, wallet=WalletSpec(total=100_000, users=1000)))

    def run_metrics(self) -> Any:
        return SimpleNamespace(slot_duration=1.0)

    def patience(self) -> Patience:
        return HURRY

    def run_duration(self) -> float:
        return float(RUN_SLOTS)

    def expected_blocks(self) -> int:
        return 14

    def faults(self) -> FaultLog:
        return self.log

    def block_feed(self) -> Any:
        return SimpleNamespace(canonical_chain=lambda: self._records, seconds_since_last_block=lambda: 0.0)

    def cluster(self) -> Any:
        return SimpleNamespace(nodes=[SimpleNamespace(name=name, client=self._client(name)) for name in NODES])

    def _client(self, name: str) -> Any:
        async def consensus_info() -> Any:
            if name in self._dead:
                raise NodeUnreachable(name, "GET /cryptarchia/info", "connection refused")
            return SimpleNamespace(height=100)

        return SimpleNamespace(consensus_info=consensus_info)


async def judged(run: Any) -> Observation:
    expectation = ConsensusLiveness().begin(run)
    await expectation.capture(run)
    expectation._started = run.started
    return await expectation.evaluate(run)


async def refused(run: Any) -> ExpectationFailed:
    with pytest.raises(ExpectationFailed) as failed:
        await judged(run)
    return failed.value


async def test_a_block_in_nearly_every_slot_is_life() -> None:
    assert await judged(Run(range(14))) == Observation(
        observed={"blocks": "14 in the run's 15 slots", "validator-0": 14, "validator-1": 14},
        required="7 blocks, nodes 12",
    )


async def test_blocks_of_the_cooldown_do_not_make_up_for_a_chain_that_stood_still() -> None:
    failure = await refused(Run([11, 12, 13, 14, *range(15, 40)]))
    assert "4 blocks in the run's 14 slots, 7 are required by the odds of the leader lottery" in str(failure)
    assert failure.observed["blocks"] == "4 in the run's 15 slots"


async def test_notes_spent_after_a_slot_do_not_excuse_it() -> None:
    assert liveness._spent_notes(Run([0, 3])._records, 0.0, 1.0, 4) == [0, 0, 0, 0]
    run = Run([0, 3])
    spending: Any = SimpleNamespace(mantle_tx=SimpleNamespace(ledger_tx=SimpleNamespace(inputs=(1, 2))))
    chain = [replace(record, block=replace(record.block, transactions=(spending,))) for record in run._records]
    assert liveness._spent_notes(chain, run.started, 1.0, 5) == [0, 2, 2, 2, 4]


async def test_a_node_without_the_runs_blocks_is_named_first() -> None:
    failure = await refused(Run(range(14), has={"validator-1": 3}))
    assert str(failure) == (
        "consensus liveness violated (target=14):\n- validator-1 has 3 of the run's 14 blocks, at least 12 are required"
    )
    assert list(failure.observed.items())[1:] == [("validator-1", 3), ("validator-0", 14)]


async def test_a_node_that_does_not_answer_stands_in_front_of_the_row() -> None:
    failure = await refused(Run(range(14), dead=["validator-1"]))
    assert list(failure.observed.items())[1:] == [("validator-1", "no answer"), ("validator-0", 14)]
    assert "validator-1 consensus_info failed: " in str(failure)


async def test_slots_with_a_planned_fault_ask_for_no_blocks() -> None:
    run, fault = Run([0, 1, 2, 3, 14]), WatchedRun("a").inject()
    run.log.inject(fault, run.started + 4)
    run.log.heal(fault, run.started + 12)
    run.log.recover(fault, run.started + 13.5)
    observation = await judged(run)
    assert observation.observed["blocks"] == "5 in the run's 15 slots"
    assert observation.required == "1 blocks, nodes 3"


async def test_a_fault_that_the_network_never_recovered_from_excuses_the_rest_of_the_run() -> None:
    run, fault = Run([0, 1, 2, 3]), WatchedRun("a").inject()
    run.log.inject(fault, run.started + 4)
    assert (await judged(run)).required == "0 blocks, nodes 2"


async def test_faults_at_the_same_time_count_once() -> None:
    run, watched = Run(range(14)), WatchedRun("a")
    for number, (begin, end) in enumerate([(2, 5), (4, 6), (8, 9)]):
        fault = replace(watched.inject(), number=number)
        run.log.inject(fault, run.started + begin)
        run.log.recover(fault, run.started + end)
    periods = liveness.fault_periods(run.log, run.started, run.started + RUN_SLOTS)
    assert [(begin - run.started, end - run.started) for begin, end in periods] == [(2, 6), (8, 9)]
    assert (await judged(run)).observed["blocks"] == "14 in the run's 15 slots, 9 outside of faults"
