"""Percentiles are values that were measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.percentiles import Percentiles, nearest_rank, percentiles_of


@pytest.mark.parametrize(
    ("percent", "value"), [(1, 1), (29, 29), (50, 50), (90, 90), (99, 99), (99.5, 100), (100, 100)]
)
def test_of_a_hundred_values_a_percentile_is_the_value_of_its_number(percent: float, value: int) -> None:
    assert nearest_rank(range(1, 101), percent) == value


def test_values_come_in_any_order_and_none_have_none() -> None:
    assert percentiles_of([5.0, 1.0, 3.0]) == Percentiles(3.0, 5.0, 5.0, 3)
    assert percentiles_of([]) is None


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.integers(1, 100))
def test_enough_values_are_below_a_percentile_and_no_smaller_value_would_do(values: list[float], percent: int) -> None:
    ordered = sorted(values)
    found = nearest_rank(ordered, percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)
