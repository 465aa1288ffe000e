"""The p-values are those of the tables, and chance is found to be chance."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.evidence.chance import mann_whitney, rates_differ


@pytest.mark.parametrize(
    ("left", "right", "chance"),
    [
        (range(1, 11), range(11, 21), 0.000182672),  # by hand: U = 0, sigma = sqrt(175), z = 49.5 / sigma
        ([1, 1, 2, 2], [2, 2, 3, 3], 0.086361),  # by hand: U = 2, sigma^2 = 4 / 3 * (9 - 72 / 56)
        ([5.0] * 4, [5.0] * 9, 1.0),
    ],
)
def test_mann_whitney_is_the_normal_approximation_with_ties(
    left: list[float], right: list[float], chance: float
) -> None:
    assert mann_whitney(list(left), list(right)) == pytest.approx(chance, rel=1e-3)


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_the_order_of_the_samples_makes_no_difference(left: list[int], right: list[int]) -> None:
    assert mann_whitney(left, right) == pytest.approx(mann_whitney(right, left))
    assert 0.0 <= mann_whitney(left, right) <= 1.0


def test_equal_distributions_are_rarely_found_different() -> None:
    rng = Random(1)
    found = [
        mann_whitney([rng.expovariate(1) for _ in range(30)], [rng.expovariate(1) for _ in range(30)]) < 0.05
        for _ in range(400)
    ]
    assert 5 <= sum(found) <= 40  # 20 on average


@pytest.mark.parametrize(
    ("left", "right", "left_time", "right_time", "chance"),
    [(0, 5, 1.0, 1.0, 2 / 2**5), (0, 0, 1.0, 1.0, 1.0), (2, 2, 1.0, 1.0, 1.0), (0, 2, 1.0, 3.0, 1.0)],
)
def test_rates_are_compared_by_the_binomial_distribution(
    left: int, right: int, left_time: float, right_time: float, chance: float
) -> None:
    assert rates_differ(left, right, left_time, right_time) == pytest.approx(chance)
