"""The timing formulas, with the original framework's own numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.topology.timing import RunTiming


def metrics(*, run: float = 60, slot: float | None = 2.0, coeff: float = 0.9, k: int = 10) -> RunTiming:
    return RunTiming(run_duration=run, slot_duration=slot, active_slot_coeff=coeff, security_param=k)


def test_the_demo_expects_27_blocks_every_1_8_seconds() -> None:
    assert metrics().expected_blocks == 27
    assert metrics().block_interval_hint == pytest.approx(1.8)
    assert metrics().cooldown(node_control=False) == pytest.approx(18.0)
    assert metrics().settle(node_control=False) == 2.0


def test_node_control_asks_for_thirty_seconds_of_cooldown() -> None:
    assert metrics().cooldown(node_control=True) == 30.0
    assert metrics(k=30).cooldown(node_control=True) == pytest.approx(54.0)
    assert metrics(k=1).cooldown(node_control=False) == pytest.approx(9.0)


def test_without_a_slot_duration_nothing_is_expected() -> None:
    unknown = metrics(slot=None)
    assert unknown.expected_blocks == 0
    assert unknown.block_interval_hint is None
    assert unknown.cooldown(node_control=False) == 0.0
    assert unknown.cooldown(node_control=True) == 30.0
    assert unknown.settle(node_control=False) == 0.0
    assert unknown.settle(node_control=True) == 2.0


def test_long_slots_settle_for_a_whole_block() -> None:
    assert metrics(slot=10.0).settle(node_control=False) == pytest.approx(9.0)


def test_sub_second_slots_shrink_the_fixed_times_too() -> None:
    fast = metrics(slot=0.2)
    assert fast.cooldown(node_control=True) == pytest.approx(3.0)
    assert fast.settle(node_control=False) == pytest.approx(0.2)


@given(
    run=st.floats(0.1, 1e5),
    slot=st.floats(0.05, 60),
    coeff=st.floats(0.01, 2),
    k=st.integers(1, 100),
    control=st.booleans(),
)
def test_the_formulas_stay_within_their_bounds(run: float, slot: float, coeff: float, k: int, control: bool) -> None:
    made = metrics(run=run, slot=slot, coeff=coeff, k=k)
    assert made.expected_blocks - 1 <= run / slot * coeff <= made.expected_blocks
    assert made.block_interval_hint is not None
    assert made.block_interval_hint <= slot
    assert made.cooldown(node_control=control) >= 5 * made.block_interval_hint
    assert made.settle(node_control=control) >= made.block_interval_hint
