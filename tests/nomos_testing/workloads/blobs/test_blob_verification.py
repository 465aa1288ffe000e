"""The expectation that blobs can be fetched as they were sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.runtime.interfaces import ExpectationFailed, Observation
from nomos_testing.workloads.blobs.events import BlobVerified
from nomos_testing.workloads.blobs.verification import VerifyBlobs
from support.fakes.fake_blob_network import Load, da_bench, payload

HOLDERS = {0: ["validator-0"], 1: ["validator-1"]}


async def test_blobs_come_back_as_they_were_sent(tmp_path: Path) -> None:
    async with da_bench(tmp_path, validators=2) as bench:
        load = await Load.inscribed(bench, 1)
        for chunks in (1, 2, 4, 8):
            await load.disperse(bench, load.channels[0], payload(chunks))
        assert await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx) == Observation(observed=4, required=4)
        assert {event.size for event in bench.events(BlobVerified)} == {31, 62, 124, 248}
        assert all(event.problem is None for event in bench.events(BlobVerified))


async def test_the_sample_follows_the_seed(tmp_path: Path) -> None:
    chosen = []
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        for seed in range(20):
            await load.disperse(bench, load.channels[0], payload(1, seed))
        for _ in range(2):
            await VerifyBlobs(load, sample=3).begin(bench.ctx).evaluate(bench.ctx)
            chosen.append([event.blob for event in bench.events(BlobVerified)[-3:]])
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == 3


async def test_the_executor_that_dispersed_a_blob_is_not_asked(tmp_path: Path) -> None:
    async with da_bench(tmp_path, executors=2, holders={0: ["executor-0"], 1: ["executor-0"]}) as bench:
        load = await Load.inscribed(bench, 1)
        blob = await load.disperse(bench, load.channels[0], payload(2), executor="executor-0")
        with pytest.raises(ExpectationFailed) as failed:
            await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx)
        assert (failed.value.observed, failed.value.required) == (0, 1)
        assert "1 of 1 blobs could not be fetched as they were sent" in str(failed.value)
        (line,) = failed.value.evidence
        assert line.startswith(f"blob {blob.hex()} (62 bytes, channel 0, from executor-0): column 0 cannot be")
        assert "validator-0 has no share of it" in line
        assert "executor-1 has no share of it" in line
        assert "executor-0 has" not in line
        load.dispersed = [replace(item, executor="executor-1") for item in load.dispersed]
        assert await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx) == Observation(observed=1, required=1)


@pytest.mark.parametrize("factor", [1, 2])
async def test_where_a_column_has_one_holder_that_may_be_the_reason(tmp_path: Path, factor: int) -> None:
    async with da_bench(tmp_path, holders={0: ["executor-0"], 1: ["validator-0"]}) as bench:
        spec = bench.ctx.descriptors().spec
        parameters = replace(spec.da, dispersal_factor=factor)
        bench.ctx.descriptors().spec = replace(spec, data_availability=parameters)
        load = await Load.inscribed(bench, 1)
        await load.disperse(bench, load.channels[0], payload(2))
        with pytest.raises(ExpectationFailed) as failed:
            await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx)
        assert ("with dispersal factor 1 the executor itself may be" in str(failed.value)) == (factor == 1)


async def test_a_dead_holder_is_named(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        await load.disperse(bench, load.channels[0], payload(2))
        bench.network.nodes["validator-0"].dead = True
        with pytest.raises(ExpectationFailed, match="validator-0: GET /da/get-share: connection refused"):
            await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx)


async def test_a_changed_byte_is_found_and_placed(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        load = await Load.inscribed(bench, 1)
        blob = await load.disperse(bench, load.channels[0], payload(2))
        shares = bench.network.nodes["validator-0"].shares
        first, second = shares[blob, 0].column
        shares[blob, 0] = replace(shares[blob, 0], column=(first, bytes([second[0] ^ 1]) + second[1:]))
        with pytest.raises(ExpectationFailed) as failed:
            await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx)
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
        with pytest.raises(ExpectationFailed, match="cannot be reconstructed from column 0 of validator-0"):
            await VerifyBlobs(load).begin(bench.ctx).evaluate(bench.ctx)


async def test_with_no_blob_there_is_nothing_to_verify(tmp_path: Path) -> None:
    async with da_bench(tmp_path) as bench:
        with pytest.raises(ExpectationFailed, match="no blob was dispersed"):
            await VerifyBlobs(Load()).begin(bench.ctx).evaluate(bench.ctx)


@given(sample=st.integers(max_value=0))
def test_a_sample_has_at_least_one_blob(sample: int) -> None:
    with pytest.raises(ValueError, match="at least one blob"):
        VerifyBlobs(Load(), sample=sample)
