"""The expectation on included blobs: when it holds, when it does not, and what is said then."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing.runtime.counters import BLOBS_INCLUDED
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation
from nomos_testing.workloads.blobs.channels import ChannelProgress
from nomos_testing.workloads.blobs.events import BlobIncluded, BlobsJudged
from nomos_testing.workloads.blobs.inclusion import BlobInclusion
from nomos_testing.workloads.blobs.planning import channel_id
from support.fakes.fake_blob_network import Load, da_bench, payload

HOLDERS = {0: ["validator-0"], 1: ["validator-1"]}


async def test_blobs_on_the_chain_are_counted_and_journalled(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=60) as bench:
        load = await Load.inscribed(bench, 2)
        expectation = BlobInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        for channel in load.channels:
            await load.disperse(bench, channel, payload(1, channel[-1]))
            bench.network.produce()
        await bench.seen()
        assert await expectation.evaluate(bench.ctx) == Observation(
            observed={"channels": 2, "blobs": 2}, required={"channels": 2, "blobs": 2}
        )
        assert {event.blob for event in bench.events(BlobIncluded)} == {item.blob.hex() for item in load.dispersed}
        (judged,) = bench.events(BlobsJudged)
        assert (judged.dispersed, judged.included, judged.expected) == (2, 2, 3)
        assert bench.ctx.counters().snapshot()[BLOBS_INCLUDED] == 2


async def test_too_few_inscriptions_are_named_by_channel(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        load.channels = [channel_id(index) for index in range(3)]
        expectation = BlobInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        await bench.seen()
        with pytest.raises(ExpectationFailed) as failed:
            await expectation.evaluate(bench.ctx)
        missing = f"[{channel_id(1).hex()}, {channel_id(2).hex()}]"
        message = str(failed.value)
        assert message.startswith(f"missing inscriptions: observed=1/3 required=3 missing={missing}\n")


async def test_too_few_blobs_are_counted_and_the_missing_ones_explained(tmp_path: Path) -> None:
    async with da_bench(tmp_path, validators=2, holders=HOLDERS, seconds=60) as bench:
        load = await Load.inscribed(bench, 2)
        expectation = BlobInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        await load.disperse(bench, load.channels[0], payload(1))
        for _ in range(4):
            bench.network.produce()
        lost = await load.disperse(bench, load.channels[1], payload(2))
        bench.network.nodes["validator-1"].dead = True
        bench.network.produce()
        await bench.seen()
        with pytest.raises(ExpectationFailed) as failed:
            await expectation.evaluate(bench.ctx)
        first, *more = str(failed.value).splitlines()
        assert first == (
            "missing blobs: observed_total_blobs=1 expected_total_blobs=6 required_blobs=4 channels_with_blobs=1/2 "
            f"missing_channels=[{load.channels[1].hex()}]"
        )
        assert more == ["  0 were planned, 2 dispersed, 1 are in blocks"]
        (line,) = failed.value.evidence
        assert line.startswith(
            f"blob {lost.hex()} (62 bytes, channel 1, from executor-0) is in no canonical block: "
            "column 1 is served by none: validator-1 does not answer (connection refused); "
            "its transaction is in the mempool on validator-0 and executor-0 (no answer from validator-1); "
            "it was dispersed at second 0."
        )
        assert not line.endswith("and was reported overdue")


async def test_the_message_says_why_no_more_blobs_were_dispersed(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=60) as bench:
        load = await Load.inscribed(bench, 1)
        expectation = BlobInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        waiting = await load.disperse(bench, load.channels[0], payload(1))
        load.planned = 54
        load.overdue = list(load.dispersed)
        load.channels = [*load.channels, channel_id(1)]
        load.progress = [
            ChannelProgress(load.channels[0], waits=[3.0, 8.0], waiting_for=load.dispersed[0], left=1),
            ChannelProgress(load.channels[1], failures=2, last_failure="executor-0: 500 deadline has elapsed"),
        ]
        for _ in range(3):
            bench.network.produce(empty=True)
        await bench.seen()
        with pytest.raises(ExpectationFailed) as failed:
            await expectation.evaluate(bench.ctx)
    started, *lines = (line.strip() for line in str(failed.value).splitlines()[1:])
    assert started == "54 were planned, 1 dispersed, 0 are in blocks"
    assert lines[0] == (
        "a channel disperses a blob once the one before it is in a block: "
        "that took 5.5 s a blob on average, 8.0 s at most"
    )
    assert lines[1].startswith(f"channel 0 waits for blob {waiting.hex()} since second 0.")
    assert lines[2:] == [
        "channel 1 is not inscribed",
        "2 dispersals failed, the last one of channel 1 with: executor-0: 500 deadline has elapsed",
        "the chain left the last message of a channel 1 time",
    ]
    assert failed.value.evidence[0].endswith("and was reported overdue")


async def test_of_a_blob_on_an_abandoned_branch_the_block_is_named(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=60) as bench:
        load = await Load.inscribed(bench, 1)
        expectation = BlobInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        orphan = await load.disperse(bench, load.channels[0], payload(1))
        abandoned = bench.network.produce()
        await bench.seen()
        child = await load.disperse(bench, load.channels[0], payload(2))
        bench.network.chain.pop()
        for _ in range(5):
            bench.network.produce(empty=True, branch=1)
        other = await load.disperse(bench, load.channels[0], payload(4))
        bench.network.produce()
        await bench.seen()
        with pytest.raises(ExpectationFailed) as failed:
            await expectation.evaluate(bench.ctx)
    first, second = failed.value.evidence
    assert first.startswith(f"blob {orphan.hex()}")
    assert f"; blob {other.hex()} took its place in the channel; " in first
    assert f"; it was in block {abandoned.id.hex()} (height 2, slot " in first
    assert "of an abandoned branch; its transaction is unknown on validator-0 and executor-0; " in first
    assert second.startswith(f"blob {child.hex()}")
    assert "; the message before it is not on the canonical chain, so that no block can take it; " in second
    assert "its transaction is in the mempool on validator-0 and executor-0; " in second


async def test_blocks_after_the_runs_duration_ask_for_no_more_blobs(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=0.0001) as bench:
        load = await Load.inscribed(bench, 1)
        expectation = BlobInclusion(load).begin(bench.ctx)
        await expectation.capture(bench.ctx)
        await load.disperse(bench, load.channels[0], payload(1))
        for _ in range(5):
            bench.network.produce()
        await bench.seen()
        assert (await expectation.evaluate(bench.ctx)).required == {"channels": 1, "blobs": 1}


async def test_without_a_capture_nothing_is_judged(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        with pytest.raises(ExpectationFailed, match="da workload expectation not started"):
            await BlobInclusion(Load()).begin(bench.ctx).evaluate(bench.ctx)
