from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.expectations.liveness import (
    ConsensusLiveness,
    HeightSample,
    allowed_lag,
    height_issues,
    liveness_target,
    silence_issues,
)


def _samples(*heights: int) -> list[HeightSample]:
    return [HeightSample(f"validator-{index}", height) for index, height in enumerate(heights)]


@pytest.mark.parametrize(
    ("expected", "highest", "target"),
    [(27, 30, 27), (27, 27, 27), (27, 20, 20), (0, 12, 12)],
)
def test_the_target_is_what_was_expected_or_else_the_highest(expected: int, highest: int, target: int) -> None:
    assert liveness_target(expected, highest) == target


@pytest.mark.parametrize(("target", "allowance", "lag"), [(5, 2, 2), (27, 2, 2), (34, 2, 3), (90, 2, 5), (0, 0, 0)])
def test_a_tenth_of_the_target_may_lag_between_the_allowance_and_five(target: int, allowance: int, lag: int) -> None:
    assert allowed_lag(target, allowance) == lag


def test_a_chain_below_five_blocks_is_no_life() -> None:
    assert height_issues(_samples(4, 4), 27, 2) == ["network height 4 below target 5"]


def test_a_node_too_far_behind_is_named() -> None:
    assert height_issues(_samples(20, 17, 18), 27, 2) == ["validator-1 height 17 below target 20"]


def test_nodes_close_together_are_fine() -> None:
    assert height_issues(_samples(20, 18, 19), 27, 2) == []


def test_a_chain_that_fell_silent_is_reported() -> None:
    assert silence_issues(30) == []
    assert silence_issues(31) == ["no new block for 31 slots (at most 30 allowed)"]


@pytest.mark.parametrize("allowance", [-1, 6])
def test_the_allowance_has_limits(allowance: int) -> None:
    with pytest.raises(ValueError, match="0 to 5 blocks"):
        ConsensusLiveness(lag_allowance=allowance)


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(0, 500), st.integers(0, 5))
def test_raising_the_lowest_node_never_adds_an_issue(heights: list[int], expected: int, allowance: int) -> None:
    raised = sorted(heights)
    raised[0] = max(raised)
    assert len(height_issues(_samples(*raised), expected, allowance)) <= len(
        height_issues(_samples(*heights), expected, allowance)
    )
