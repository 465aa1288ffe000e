"""The data availability workload over nodes in memory: what it sends, how it goes on, what it says of a lost blob."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import ROOT_MSG_ID, BlobId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe, Ed25519Proof
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.transactions_json import transaction_from_json, transaction_to_json
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing import ScenarioBuilder, ScenarioBuildError
from nomos_testing.journal.events import Notice
from nomos_testing.outcome import ExpectationFailed
from nomos_testing.runtime.counters import BLOBS_DISPERSED, BLOBS_PLANNED
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.presets import DataAvailability
from nomos_testing.topology.timing import RunTiming
from nomos_testing.waiting.machine import Patience
from nomos_testing.workloads.blobs import channels as channels_module
from nomos_testing.workloads.blobs import planning
from nomos_testing.workloads.blobs.channels import DispersalFailed, inscription
from nomos_testing.workloads.blobs.events import BlobDispersed, BlobOverdue, BlobsFinished, ChannelInscribed
from nomos_testing.workloads.blobs.planning import channel_id
from nomos_testing.workloads.blobs.workload import DataAvailabilityWorkload, RunningDataAvailabilityWorkload
from support.fakes.fake_blob_network import DaBench, FakeDaNode, da_bench

SINGLE_HOLDERS = {0: ["validator-0"], 1: ["validator-1"]}


async def run(bench: DaBench, *, blobs: int, channels: int = 1) -> RunningDataAvailabilityWorkload:
    """Run the workload over a chain that grows, with so many blobs for each channel."""
    workload = planned(bench, blobs=blobs, channels=channels)
    async with bench.producing(), asyncio.timeout(20):
        await workload.run(bench.ctx)
    return workload


def planned(bench: DaBench, *, blobs: int, channels: int = 1) -> RunningDataAvailabilityWorkload:
    wanted = DataAvailabilityWorkload(channel_rate=channels, blob_rate=1, headroom_percent=0)
    # Planned for slots in which a real network could carry it; the one in memory is faster.
    metrics = RunTiming(run_duration=blobs * channels * 2.0, slot_duration=2.0, active_slot_coeff=1.0)
    plan = wanted.blobs(replace(bench.ctx.plan(), metrics=metrics))
    return RunningDataAvailabilityWorkload(wanted, plan)


async def test_every_channel_is_a_chain_of_an_inscription_and_its_blobs(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        workload = await run(bench, blobs=3, channels=2)
        for channel in workload.channels:
            first, *blobs = bench.network.messages(channel)
            assert isinstance(first, ChannelInscribe)
            assert len(blobs) == 3
            assert [blob.parent for blob in blobs] == [message_id(before) for before in (first, *blobs[:-1])]


async def test_two_runs_at_once_count_their_own_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one network a channel is filled, and in the other the executor does not answer."""
    monkeypatch.setattr(planning, "IN_FLIGHT_SECONDS", 0.0)  # the network in memory is faster than a real one
    wanted = DataAvailabilityWorkload(channel_rate=1, headroom_percent=0, verify_blobs=False)
    (expectation,) = wanted.expectations()
    for name in ("fills", "fails"):
        (tmp_path / name).mkdir()
    async with (
        da_bench(tmp_path / "fills") as fills,
        da_bench(tmp_path / "fails") as fails,
    ):
        fails.network.nodes["executor-0"].refusals = channels_module.PUBLISH_ROUNDS
        runs = [bench.ctx.running(wanted) for bench in (fills, fails)]
        judges = [bench.ctx.running(expectation) for bench in (fills, fails)]
        for judge, bench in zip(judges, (fills, fails), strict=True):
            await judge.capture(bench.ctx)
        async with fills.producing(), fails.producing(), asyncio.timeout(20):
            done = await asyncio.gather(runs[0].run(fills.ctx), runs[1].run(fails.ctx), return_exceptions=True)
        assert [type(outcome) for outcome in done] == [type(None), DispersalFailed]
        assert [len(running.dispersed) for running in runs] == [runs[0].planned, 0]
        assert (await judges[0].evaluate(fills.ctx)).observed == {"channels": 1, "blobs": runs[0].planned}
        with pytest.raises(ExpectationFailed, match=r"planned, 0 dispersed, 0 are in blocks"):
            await judges[1].evaluate(fails.ctx)


async def test_the_journal_tells_every_step(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        workload = await run(bench, blobs=2, channels=2)
        dispersed = bench.events(BlobDispersed)
        assert {event.channel for event in bench.events(ChannelInscribed)} == {c.hex() for c in workload.channels}
        assert [event.blob for event in dispersed] == [item.blob.hex() for item in workload.dispersed]
        assert {event.node for event in dispersed} == {"executor-0"}
        assert bench.events(BlobsFinished) == [BlobsFinished(planned=4, dispersed=4, overdue=0)]
        assert bench.ctx.counters().snapshot() == {BLOBS_PLANNED: 4, BLOBS_DISPERSED: 4}


async def test_equal_seeds_send_equal_blobs(tmp_path: Path) -> None:
    sent = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        async with da_bench(tmp_path / name) as bench:
            workload = await run(bench, blobs=2, channels=2)
            sent.append([item.data for item in sorted(workload.dispersed, key=lambda item: item.channel)])
    assert sent[0] == sent[1]
    assert len(set(sent[0])) == 4


def test_the_inscription_is_what_a_node_takes() -> None:
    transaction = inscription(channel_id(1), DevelopmentProver())
    (operation,) = transaction.mantle_tx.operations
    assert isinstance(operation, ChannelInscribe)
    assert operation.inscription == f"Test channel inscription {channel_id(1).hex()}".encode()
    assert (operation.parent, operation.signer) == (ROOT_MSG_ID, Ed25519Key(bytes(32)).public)
    assert isinstance(transaction.operation_proofs[0], Ed25519Proof)
    assert transaction_from_json(transaction_to_json(transaction)) == transaction


async def test_another_executor_takes_what_one_refuses(tmp_path: Path) -> None:
    async with da_bench(tmp_path, executors=2) as bench:
        bench.network.nodes["executor-0"].dead = True
        workload = await run(bench, blobs=1)
        assert {item.executor for item in workload.dispersed} == {"executor-1"}


async def test_an_executor_is_asked_again(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        bench.network.nodes["executor-0"].refusals = channels_module.PUBLISH_ROUNDS - 1
        assert len((await run(bench, blobs=1)).dispersed) == 1


async def test_after_five_rounds_the_run_fails_and_names_the_blob(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        bench.network.nodes["executor-0"].refusals = channels_module.PUBLISH_ROUNDS
        with pytest.raises(
            DispersalFailed, match=r"blob 0 of channel 0 \(\d+ bytes\) was not dispersed in 5 rounds"
        ) as e:
            await run(bench, blobs=1)
        assert "executor-0: POST /disperse-data: 500 deadline has elapsed" in str(e.value)


async def test_a_blob_without_the_only_holder_of_a_column_is_named_with_the_reason(tmp_path: Path) -> None:
    async with da_bench(tmp_path, validators=2, holders=SINGLE_HOLDERS) as bench, asyncio.timeout(20):
        bench.network.mortal = ["validator-1"]
        workload = planned(bench, blobs=1)
        async with bench.producing():
            running = asyncio.create_task(workload.run(bench.ctx))
            overdue, notice = await bench.event(BlobOverdue), await bench.event(Notice)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert overdue.blob == workload.dispersed[0].blob.hex()
        assert overdue.reason == "column 1 is served by none: validator-1 does not answer (connection refused)"
        assert notice.level == "warning"
        assert notice.text.startswith(f"blob {overdue.blob} (")
        assert "bytes, channel 0, from executor-0) is in no block after" in notice.text
        assert len(bench.network.messages(channel_id(0))) == 1, "the blob never came into a block"


async def test_a_lost_blob_is_replaced_when_its_columns_can_be_held_again(tmp_path: Path) -> None:
    async with da_bench(tmp_path, validators=2, holders=SINGLE_HOLDERS) as bench:
        bench.network.nodes["validator-1"].dead = True

        async def revive() -> None:
            await bench.event(BlobOverdue)
            bench.network.nodes["validator-1"].dead = False

        reviving = asyncio.create_task(revive())
        workload = await run(bench, blobs=2)
        await reviving
        assert len(bench.network.messages(channel_id(0))) == 3
        assert len(workload.dispersed) == 3


async def test_a_blob_that_all_hold_and_no_block_names_is_told_as_such(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench, asyncio.timeout(20):
        running = asyncio.create_task(planned(bench, blobs=1).run(bench.ctx))
        while not bench.events(ChannelInscribed):
            bench.network.produce()
            await bench.seen()
        overdue = await bench.event(BlobOverdue)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert overdue.reason == "all 2 columns are held, but no node has put it into a block"


async def test_a_channel_goes_on_at_once_when_the_chain_leaves_a_branch(tmp_path: Path) -> None:
    async with da_bench(tmp_path, patience=Patience(machine_factor=4.0)) as bench, asyncio.timeout(20):
        workload = planned(bench, blobs=3)
        running = asyncio.create_task(workload.run(bench.ctx))
        while len(bench.network.messages(channel_id(0))) < 3:
            bench.network.produce()
            await bench.seen()
        first_blob = next(n for n, block in enumerate(bench.network.chain) if _blobs(block))
        del bench.network.chain[first_blob:]
        while len(bench.network.chain) < 100:
            bench.network.produce(empty=True, branch=1)
        await bench.seen()
        async with bench.producing():
            await running
        first, *blobs = bench.network.messages(channel_id(0))
        assert isinstance(first, ChannelInscribe)
        assert [blob.parent for blob in blobs] == [message_id(before) for before in (first, *blobs[:-1])]
        assert len(blobs) == 3
        assert [progress.left for progress in workload.progress] == [1]
        assert not bench.events(BlobOverdue)


async def test_an_inscription_that_left_the_chain_and_does_not_come_back_is_sent_anew(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench, asyncio.timeout(20):
        running = asyncio.create_task(planned(bench, blobs=1).run(bench.ctx))
        while not bench.events(ChannelInscribed):
            bench.network.produce()
            await bench.seen()
        bench.network.chain.clear()
        bench.network.mempool.clear()
        while len(bench.network.chain) < 100:
            bench.network.produce(empty=True, branch=1)
        async with bench.producing():
            await running
        first, blob = bench.network.messages(channel_id(0))
        assert isinstance(first, ChannelInscribe)
        assert blob.parent == message_id(first)


async def test_from_three_nodes_on_one_blob_is_dispersed_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "DISPERSAL_INTERVAL", 0.02)
    async with da_bench(tmp_path, validators=2) as bench:
        spans = []
        publish = FakeDaNode.publish_blob

        async def timed(node: FakeDaNode, **request: Any) -> BlobId:
            started = time.monotonic()
            blob = await publish(node, **request)
            await asyncio.sleep(0)
            spans.append((started, time.monotonic()))
            return blob

        monkeypatch.setattr(FakeDaNode, "publish_blob", timed)
        await run(bench, blobs=2, channels=4)
    spans.sort()
    assert len(spans) >= 8
    assert all(start - end >= 0.02 for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(("validators", "between"), [(1, 0.0), (2, 0.3)])
def test_two_nodes_take_several_blobs_at_a_time(validators: int, between: float) -> None:
    builder = ScenarioBuilder.topology(validators=validators, executors=1).data_availability().run_for(seconds=60)
    scenario = builder.build()
    (workload,) = scenario.workloads
    assert isinstance(workload, DataAvailabilityWorkload)
    lines = " ".join(workload.describe_load(scenario.plan))
    assert ("one blob is dispersed at a time, 0.3 s apart" in lines) == (between > 0)


async def test_payloads_hang_on_seed_and_number_and_not_on_what_was_dispersed_anew(tmp_path: Path) -> None:
    sent: list[list[bytes]] = []
    for lost in (False, True):
        (tmp_path / str(lost)).mkdir()
        async with da_bench(tmp_path / str(lost)) as bench, asyncio.timeout(20):
            workload = planned(bench, blobs=2)
            running = asyncio.create_task(workload.run(bench.ctx))
            if lost:
                while not bench.events(ChannelInscribed):
                    bench.network.produce()
                    await bench.seen()
                await bench.event(BlobOverdue)
            async with bench.producing():
                await running
            sent.append([item.data for item in workload.dispersed])
    plain, anew = sent
    assert len(anew) > len(plain) == 2
    assert anew[0] == plain[0]
    assert anew[-1] == plain[1]
    assert anew[1] != plain[0]


def _blobs(block: Block) -> list[ChannelBlob]:
    operations = (operation for transaction in block.transactions for operation in transaction.mantle_tx.operations)
    return [operation for operation in operations if isinstance(operation, ChannelBlob)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"channel_rate": 0}, "channel rate must be non-zero"),
        ({"blob_rate": 0}, "blob rate must be non-zero"),
        ({"headroom_percent": -1}, "headroom percent: expected 0 or more, got -1"),
    ],
)
def test_rates_are_checked(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ScenarioBuildError, match=text):
        ScenarioBuilder.topology(validators=1, executors=1).data_availability(**arguments)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (TopologySpec(validators=2), "da workload requires at least one executor"),
        (TopologySpec(executors=1), "a network of 1 node has 1: add a node"),
        (
            TopologySpec(validators=1, executors=2, data_availability=DataAvailability(num_subnets=3)),
            "power of two; got 3",
        ),
    ],
)
def test_a_network_that_can_take_no_blobs_is_refused_while_building(spec: TopologySpec, text: str) -> None:
    builder = ScenarioBuilder(spec=spec).data_availability().run_for(seconds=60)
    with pytest.raises(ScenarioBuildError, match=text) as refused:
        builder.build()
    assert str(refused.value).startswith("workload 'channel_workload' failed to initialize: ")
