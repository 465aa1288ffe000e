"""How many channels and blobs a run plans, and how many of them it must see."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.runtime.plan import RunPlan
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.presets import DataAvailability
from nomos_testing.topology.timing import RunTiming
from nomos_testing.workloads.blobs.planning import (
    PAYLOAD_CHUNKS,
    BlobTiming,
    blob_plan,
    channel_id,
    expected_blobs,
    planned_channels,
    random_payload,
    required_blobs,
    required_inscriptions,
)

COUNTS = st.integers(1, 10_000)


def _plan(seconds: float, *, slot: float = 2.0, validators: int = 1, executors: int = 1, delay: float = 2.0) -> RunPlan:
    parameters = DataAvailability(sampling_delay=delay)
    spec = TopologySpec(validators=validators, executors=executors, slot_duration=slot, data_availability=parameters)
    metrics = RunTiming(run_duration=seconds, slot_duration=slot, active_slot_coeff=0.9)
    return RunPlan(topology=spec, metrics=metrics, seed=1)


@pytest.mark.parametrize(
    ("rate", "headroom", "channels"), [(1, 20, 2), (1, 0, 1), (5, 20, 6), (10, 20, 12), (3, 100, 6), (101, 1, 103)]
)
def test_a_headroom_comes_on_top_of_the_channels_and_is_rounded_up(rate: int, headroom: int, channels: int) -> None:
    assert planned_channels(rate, headroom) == channels


def test_channel_ids_are_the_same_in_every_run() -> None:
    assert channel_id(0).hex() == "63686e5f77726b64" + "00" * 24
    assert channel_id(258).hex() == "63686e5f77726b64" + "00" * 22 + "0102"


def test_the_demo_plans_14_blobs_for_each_of_two_channels() -> None:
    plan = blob_plan(_plan(60), blob_rate=1)
    assert plan.channels == (channel_id(0), channel_id(1))
    assert (plan.per_channel, plan.planned) == (14, 28)
    assert plan == blob_plan(_plan(60), blob_rate=1, channel_rate=1, headroom_percent=20)


def test_a_run_without_blocks_to_expect_plans_for_one() -> None:
    run = _plan(60)
    run = replace(run, metrics=replace(run.metrics, slot_duration=None))
    plan = blob_plan(run, blob_rate=3, channel_rate=1, headroom_percent=0)
    assert (len(plan.channels), plan.per_channel) == (1, 3)


@pytest.mark.parametrize(
    ("slot", "nodes", "delay", "channels"),
    [
        (2.0, (1, 1), 2.0, 2),
        (2.0, (2, 1), 2.0, 2),
        (1.0, (1, 1), 2.0, 3),
        (1.0, (2, 1), 2.0, 4),
        (0.5, (2, 1), 2.0, 2),
        (0.1, (2, 1), 2.0, 7),
        (2.0, (1, 1), 5.0, 4),
        (1.0, (2, 1), 5.0, 8),
    ],
)
def test_there_are_as_many_channels_as_carry_a_blob_a_block(
    slot: float, nodes: tuple[int, int], delay: float, channels: int
) -> None:
    run = _plan(60, slot=slot, validators=nodes[0], executors=nodes[1], delay=delay)
    plan = blob_plan(run, blob_rate=1)
    assert len(plan.channels) == channels
    assert plan.capacity >= plan.wanted
    assert plan.timing.rate(channels) >= 0.9 / slot > plan.timing.rate(channels - 1)


def test_a_channel_carries_a_blob_in_as_many_slots_as_were_measured() -> None:
    """In journals of runs of two nodes, in which every slot has a block: every 3.0 s and 4.0 s with a delay of 2 s."""
    for slot, seconds in ((1.0, 3.0), (2.0, 4.0)):
        timing = replace(BlobTiming.of(_plan(60, slot=slot)), active_slot_coeff=1.0)
        assert timing.per_blob(1) == pytest.approx(seconds)


def test_channels_that_are_given_stay_as_they_are() -> None:
    plan = blob_plan(_plan(60, slot=1.0, validators=2), blob_rate=1, channel_rate=5)
    assert len(plan.channels) == 6
    assert len(blob_plan(_plan(60), blob_rate=1, headroom_percent=50).channels) == 3


def test_channels_that_carry_too_little_are_refused_with_the_numbers() -> None:
    with pytest.raises(ValueError, match="2 channels carry 18 blobs until the cooldown's end") as refused:
        blob_plan(_plan(60, slot=1.0, validators=2, delay=5.0), blob_rate=1, channel_rate=1)
    assert "and 30 of 54 must be in blocks: a channel carries a blob in 7.1 s (6.25 s until" in str(refused.value)
    assert "at most 0.28 blobs a slot of 1 s" in str(refused.value)


def test_a_rate_that_no_number_of_channels_carries_is_refused_with_the_numbers() -> None:
    with pytest.raises(ValueError, match="no number of channels carries 5 blobs a block with slots of 1 s") as refused:
        blob_plan(_plan(60, slot=1.0, validators=2), blob_rate=5)
    assert "each takes 0.37 s, so that a block gets at most 3.0 blobs" in str(refused.value)
    assert len(blob_plan(_plan(60, slot=1.0, validators=1), blob_rate=5).channels) == 14


def test_the_plan_says_what_it_makes_and_why() -> None:
    plan = blob_plan(_plan(60, slot=1.0, validators=2), blob_rate=1)
    assert list(plan.sentences()) == [
        "56 blobs over 4 channels, 30 of them must be in blocks: 55% of 54",
        "a channel carries a blob in 4.1 slots of 1 s: 0.55 s for its turn, 2.50 s until it is sampled and proposed, "
        "0.3 s under way, then the next block; 4 channels carry 0.97 blobs a slot, at most 84 until the cooldown's end",
        "one blob is dispersed at a time, 0.3 s apart: at most 2.7 a slot",
    ]
    short = blob_plan(_plan(60, slot=1.0, validators=2), blob_rate=1, channel_rate=1)
    assert short.sentences()[-1] == "the rate asks for 54 blobs, more than these channels carry"


@pytest.mark.parametrize(("channels", "required"), [(1, 1), (2, 2), (5, 4), (6, 5), (10, 8), (12, 10)])
def test_four_of_five_inscriptions_are_required(channels: int, required: int) -> None:
    assert required_inscriptions(channels) == required


@pytest.mark.parametrize(("expected", "required"), [(1, 1), (2, 2), (27, 15), (54, 30), (100, 56)])
def test_55_of_100_blobs_are_required_in_floating_point(expected: int, required: int) -> None:
    assert required_blobs(expected) == required


@pytest.mark.parametrize(
    ("rate", "observed", "planned", "blobs"),
    [(1, 27, 27, 27), (1, 30, 27, 27), (1, 20, 27, 20), (3, 0, 27, 3), (2, 5, 0, 2), (5, 27, 27, 100)],
)
def test_as_many_blobs_are_expected_as_there_were_blocks(rate: int, observed: int, planned: int, blobs: int) -> None:
    assert expected_blobs(rate, observed_blocks=observed, expected_blocks=planned, capacity=100) == blobs


@given(rate=COUNTS, headroom=st.integers(0, 1000))
def test_channels_have_at_least_the_headroom(rate: int, headroom: int) -> None:
    assert planned_channels(rate, headroom) == rate + math.ceil(rate * headroom / 100)


@given(
    seconds=st.floats(4, 10_000),
    blob_rate=st.integers(1, 2),
    channel_rate=st.none() | st.integers(20, 100),
    validators=st.integers(1, 4),
    slot=st.sampled_from([0.5, 1.0, 2.0]),
)
def test_a_plan_is_one_that_the_network_carries(
    seconds: float, blob_rate: int, channel_rate: int | None, validators: int, slot: float
) -> None:
    run = _plan(seconds, slot=slot, validators=validators)
    plan = blob_plan(run, blob_rate=blob_rate, channel_rate=channel_rate)
    assert plan.wanted == blob_rate * run.metrics.expected_blocks
    assert plan.wanted <= plan.planned < plan.wanted + len(plan.channels)
    assert len(set(plan.channels)) == len(plan.channels)
    assert plan.capacity >= required_blobs(plan.wanted)


@given(
    rate=st.integers(1, 100), observed=st.integers(0, 1000), planned=st.integers(0, 1000), capacity=st.integers(0, 1000)
)
def test_what_is_required_is_possible(rate: int, observed: int, planned: int, capacity: int) -> None:
    expected = expected_blobs(rate, observed_blocks=observed, expected_blocks=planned, capacity=capacity)
    assert 1 <= expected <= max(1, min(rate * max(1, planned), capacity))
    assert 0.55 * expected <= required_blobs(expected) <= expected


@given(seed=st.integers())
def test_payloads_are_whole_chunks_and_follow_the_seed(seed: int) -> None:
    payload = random_payload(random.Random(seed))
    assert len(payload) in {31 * chunks for chunks in PAYLOAD_CHUNKS}
    assert payload == random_payload(random.Random(seed))
