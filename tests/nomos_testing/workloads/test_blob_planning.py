"""How many channels and blobs a run plans, and how many of them it must see."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.scenario.metrics import RunMetrics
from nomos_testing.workloads.blob_planning import (
    PAYLOAD_CHUNKS,
    blob_plan,
    channel_id,
    expected_blobs,
    planned_channels,
    random_payload,
    required_blobs,
    required_inscriptions,
)

COUNTS = st.integers(1, 10_000)


def _metrics(seconds: float, slot: float | None = 2.0) -> RunMetrics:
    return RunMetrics(run_duration=seconds, slot_duration=slot, active_slot_coeff=0.9)


@pytest.mark.parametrize(
    ("rate", "headroom", "channels"), [(1, 20, 2), (1, 0, 1), (5, 20, 6), (10, 20, 12), (3, 100, 6), (101, 1, 103)]
)
def test_a_headroom_comes_on_top_of_the_channels_and_is_rounded_up(rate: int, headroom: int, channels: int) -> None:
    assert planned_channels(rate, headroom) == channels


def test_channel_ids_are_the_same_in_every_run() -> None:
    assert channel_id(0).hex() == "63686e5f77726b64" + "00" * 24
    assert channel_id(258).hex() == "63686e5f77726b64" + "00" * 22 + "0102"


def test_the_demo_plans_14_blobs_for_each_of_two_channels() -> None:
    plan = blob_plan(_metrics(60), blob_rate=1, channel_rate=1, headroom_percent=20)
    assert plan.channels == (channel_id(0), channel_id(1))
    assert (plan.per_channel, plan.planned) == (14, 28)


def test_a_run_without_blocks_to_expect_plans_for_one() -> None:
    plan = blob_plan(_metrics(60, slot=None), blob_rate=3, channel_rate=1, headroom_percent=0)
    assert (len(plan.channels), plan.per_channel) == (1, 3)


@pytest.mark.parametrize(("channels", "required"), [(1, 1), (2, 2), (5, 4), (6, 5), (10, 8), (12, 10)])
def test_four_of_five_inscriptions_are_required(channels: int, required: int) -> None:
    assert required_inscriptions(channels) == required


@pytest.mark.parametrize(("expected", "required"), [(1, 1), (2, 2), (27, 15), (54, 30), (100, 56)])
def test_55_of_100_blobs_are_required_in_floating_point(expected: int, required: int) -> None:
    assert required_blobs(expected) == required


@pytest.mark.parametrize(
    ("rate", "observed", "planned", "blobs"),
    [(1, 27, 27, 27), (1, 30, 27, 27), (1, 20, 27, 20), (3, 0, 27, 3), (2, 5, 0, 2)],
)
def test_as_many_blobs_are_expected_as_there_were_blocks(rate: int, observed: int, planned: int, blobs: int) -> None:
    assert expected_blobs(rate, observed_blocks=observed, expected_blocks=planned) == blobs


@given(rate=COUNTS, headroom=st.integers(0, 1000))
def test_channels_have_at_least_the_headroom(rate: int, headroom: int) -> None:
    assert planned_channels(rate, headroom) == rate + math.ceil(rate * headroom / 100)


@given(seconds=st.floats(4, 10_000), blob_rate=st.integers(1, 100), channel_rate=st.integers(1, 100))
def test_the_channels_together_carry_the_rate_and_less_than_one_blob_each_too_many(
    seconds: float, blob_rate: int, channel_rate: int
) -> None:
    metrics = _metrics(seconds)
    plan = blob_plan(metrics, blob_rate=blob_rate, channel_rate=channel_rate, headroom_percent=20)
    wanted = blob_rate * metrics.expected_blocks
    assert wanted <= plan.planned < wanted + len(plan.channels)
    assert len(set(plan.channels)) == len(plan.channels)


@given(rate=st.integers(1, 100), observed=st.integers(0, 1000), planned=st.integers(0, 1000))
def test_what_is_required_is_possible(rate: int, observed: int, planned: int) -> None:
    expected = expected_blobs(rate, observed_blocks=observed, expected_blocks=planned)
    assert rate <= expected <= rate * max(1, planned)
    assert 0.55 * expected <= required_blobs(expected) <= expected


@given(seed=st.integers())
def test_payloads_are_whole_chunks_and_follow_the_seed(seed: int) -> None:
    payload = random_payload(random.Random(seed))
    assert len(payload) in {31 * chunks for chunks in PAYLOAD_CHUNKS}
    assert payload == random_payload(random.Random(seed))
