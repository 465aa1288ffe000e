"""What is expected of blobs: when it holds, when it does not, and what is said then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId, MsgId
from nomos_core.mantle.operations_binary import message_id
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.runtime.counters import BLOBS_INCLUDED
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation
from nomos_testing.workloads.blobs import verify_blobs
from nomos_testing.workloads.blobs.blob_inclusion import BlobInclusion
from nomos_testing.workloads.blobs.channel_flow import inscription
from nomos_testing.workloads.blobs.channel_progress import ChannelProgress
from nomos_testing.workloads.blobs.dispersed_blobs import SIGNER, Dispersed
from nomos_testing.workloads.blobs.events import BlobIncluded, BlobsJudged, BlobVerified
from nomos_testing.workloads.blobs.planning import channel_id
from nomos_testing.workloads.blobs.verify_blobs import VerifyBlobs
from support.fakes.fake_blob_network import DaBench, da_bench

HOLDERS = {0: ["validator-0"], 1: ["validator-1"]}


@dataclass
class Load:
    """What a workload has dispersed over ``channels`` channels."""

    channels: Sequence[ChannelId] = ()
    blob_rate: int = 1
    capacity: int = 1000
    planned: int = 0
    overdue: list[Dispersed] = field(default_factory=list)
    progress: list[ChannelProgress] = field(default_factory=list)
    dispersed: list[Dispersed] = field(default_factory=list)

    @classmethod
    async def inscribed(cls, bench: DaBench, channels: int, *, blob_rate: int = 1) -> Load:
        """All channels with their inscriptions on the chain."""
        made = cls([channel_id(index) for index in range(channels)], blob_rate)
        for channel in made.channels:
            await bench.network.nodes["validator-0"].submit_transaction(inscription(channel, DevelopmentProver()))
        bench.network.produce()
        return made

    async def disperse(self, bench: DaBench, channel: ChannelId, data: bytes, executor: str = "executor-0") -> BlobId:
        messages = bench.network.messages(channel)
        parent = MsgId(message_id(messages[-1]) if messages else ROOT_MSG_ID)
        blob = await bench.network.nodes[executor].publish_blob(
            channel_id=channel,
            parent=parent,
            signer=SIGNER.public,
            data=data,
        )
        self.dispersed.append(Dispersed(blob, channel, data, executor, time.monotonic(), parent))
        return blob


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_blobs, "REQUEST_RETRY_SECONDS", 0.0)


def payload(chunks: int, seed: int = 1) -> bytes:
    return bytes((seed + position) % 251 + 1 for position in range(31 * chunks))


# da_workload_inclusions


async def test_blobs_on_the_chain_are_counted_and_journalled(tmp_path: Path) -> None:
    async with da_bench(tmp_path, seconds=60) as bench:
        load = await Load.inscribed(bench, 2)
        expectation = BlobInclusion(load)
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
        expectation = BlobInclusion(load)
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
        expectation = BlobInclusion(load)
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
        expectation = BlobInclusion(load)
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
        expectation = BlobInclusion(load)
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
        expectation = BlobInclusion(load)
        await expectation.capture(bench.ctx)
        await load.disperse(bench, load.channels[0], payload(1))
        for _ in range(5):
            bench.network.produce()
        await bench.seen()
        assert (await expectation.evaluate(bench.ctx)).required == {"channels": 1, "blobs": 1}


async def test_without_a_capture_nothing_is_judged(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        with pytest.raises(ExpectationFailed, match="da workload expectation not started"):
            await BlobInclusion(Load()).evaluate(bench.ctx)


# verify_blobs


async def test_blobs_come_back_as_they_were_sent(tmp_path: Path) -> None:
    async with da_bench(tmp_path, validators=2) as bench:
        load = await Load.inscribed(bench, 1)
        for chunks in (1, 2, 4, 8):
            await load.disperse(bench, load.channels[0], payload(chunks))
        assert await VerifyBlobs(load).evaluate(bench.ctx) == Observation(observed=4, required=4)
        assert {event.size for event in bench.events(BlobVerified)} == {31, 62, 124, 248}
        assert all(event.problem is None for event in bench.events(BlobVerified))


async def test_the_sample_follows_the_seed(tmp_path: Path) -> None:
    chosen = []
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        for seed in range(20):
            await load.disperse(bench, load.channels[0], payload(1, seed))
        for _ in range(2):
            await VerifyBlobs(load, sample=3).evaluate(bench.ctx)
            chosen.append([event.blob for event in bench.events(BlobVerified)[-3:]])
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == 3


async def test_the_executor_that_dispersed_a_blob_is_not_asked(tmp_path: Path) -> None:
    async with da_bench(tmp_path, executors=2, holders={0: ["executor-0"], 1: ["executor-0"]}) as bench:
        load = await Load.inscribed(bench, 1)
        blob = await load.disperse(bench, load.channels[0], payload(2), executor="executor-0")
        with pytest.raises(ExpectationFailed) as failed:
            await VerifyBlobs(load).evaluate(bench.ctx)
        assert (failed.value.observed, failed.value.required) == (0, 1)
        assert "1 of 1 blobs could not be had back as they were sent" in str(failed.value)
        (line,) = failed.value.evidence
        assert line.startswith(f"blob {blob.hex()} (62 bytes, channel 0, from executor-0): column 0 can't be")
        assert "validator-0 has no share of it" in line
        assert "executor-1 has no share of it" in line
        assert "executor-0 has" not in line
        load.dispersed = [replace(item, executor="executor-1") for item in load.dispersed]
        assert await VerifyBlobs(load).evaluate(bench.ctx) == Observation(observed=1, required=1)


@pytest.mark.parametrize("factor", [1, 2])
async def test_where_a_column_has_one_holder_that_may_be_the_reason(tmp_path: Path, factor: int) -> None:
    async with da_bench(tmp_path, holders={0: ["executor-0"], 1: ["validator-0"]}) as bench:
        spec = bench.ctx.descriptors().spec
        parameters = replace(spec.da, dispersal_factor=factor)
        bench.ctx.descriptors().spec = replace(spec, data_availability=parameters)
        load = await Load.inscribed(bench, 1)
        await load.disperse(bench, load.channels[0], payload(2))
        with pytest.raises(ExpectationFailed) as failed:
            await VerifyBlobs(load).evaluate(bench.ctx)
        assert ("with dispersal factor 1 the executor itself may be" in str(failed.value)) == (factor == 1)


async def test_a_dead_holder_is_named(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        await load.disperse(bench, load.channels[0], payload(2))
        bench.network.nodes["validator-0"].dead = True
        with pytest.raises(ExpectationFailed, match="validator-0: GET /da/get-share: connection refused"):
            await VerifyBlobs(load).evaluate(bench.ctx)


async def test_a_changed_byte_is_found_and_placed(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        blob = await load.disperse(bench, load.channels[0], payload(2))
        shares = bench.network.nodes["validator-0"].shares
        first, second = shares[blob, 0].column
        shares[blob, 0] = replace(shares[blob, 0], column=(first, bytes([second[0] ^ 1]) + second[1:]))
        with pytest.raises(ExpectationFailed) as failed:
            await VerifyBlobs(load).evaluate(bench.ctx)
        (event,) = bench.events(BlobVerified)
        assert event.sources == ("validator-0",)
        assert "1 of its 62 bytes are not as they were sent, the first at 31, in column 0 of validator-0" in str(
            failed.value
        )


async def test_a_shorter_column_is_no_blob(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        blob = await load.disperse(bench, load.channels[0], payload(2))
        shares = bench.network.nodes["validator-0"].shares
        shares[blob, 0] = replace(shares[blob, 0], column=shares[blob, 0].column[:1])
        with pytest.raises(ExpectationFailed, match="can't be put together from column 0 of validator-0"):
            await VerifyBlobs(load).evaluate(bench.ctx)


async def test_with_no_blob_there_is_nothing_to_verify(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        with pytest.raises(ExpectationFailed, match="no blob was dispersed"):
            await VerifyBlobs(Load()).evaluate(bench.ctx)


@given(sample=st.integers(max_value=0))
def test_a_sample_has_at_least_one_blob(sample: int) -> None:
    with pytest.raises(ValueError, match="at least one blob"):
        VerifyBlobs(Load(), sample=sample)
