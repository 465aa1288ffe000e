"""Slots of moments, epochs of slots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig, EpochSchedule
from nomos_core.cryptarchia.slots import SlotSchedule

SECOND = 1_000_000_000
schedules = st.builds(SlotSchedule, st.integers(0, 2**62), st.integers(1, 3600 * SECOND))


@given(schedules, st.integers(0, 10**6))
def test_a_slot_begins_where_the_one_before_ends(schedule: SlotSchedule, slot: int) -> None:
    start = schedule.start_of(slot)
    assert schedule.slot_at(start) == slot
    assert schedule.slot_at(start - 1) == max(slot - 1, 0)


def test_before_the_chain_starts_it_is_slot_0() -> None:
    assert SlotSchedule(chain_start_ns=5 * SECOND, slot_duration_ns=SECOND).slot_at(0) == 0


@given(st.integers(1, 100), st.integers(0, 10**6), st.integers(0, SECOND - 1))
def test_whole_seconds_count_as_the_protocol_counts(duration: int, seconds: int, rest: int) -> None:
    schedule = SlotSchedule(chain_start_ns=0, slot_duration_ns=duration * SECOND)
    assert schedule.slot_at(seconds * SECOND + rest) == seconds // duration


@given(st.integers(1, 50), st.floats(0.01, 1.0), st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 10**6))
def test_every_slot_lies_in_its_epoch(k: int, f: float, parts: tuple[int, int, int], slot: int) -> None:
    schedule = EpochSchedule(EpochConfig(*parts), ConsensusConfig(k, f))
    epoch = schedule.epoch_of(slot)
    assert schedule.epoch_starting_slot(epoch) <= slot < schedule.epoch_starting_slot(epoch + 1)
    assert schedule.stake_snapshot_slot(epoch + 1) < schedule.nonce_snapshot_slot(epoch + 1)
    assert schedule.nonce_snapshot_slot(epoch + 1) < schedule.epoch_starting_slot(epoch + 1)


@pytest.mark.parametrize(("k", "f"), [(0, 0.9), (1, 0.0), (1, 1.1), (1, float("nan"))])
def test_impossible_consensus_is_refused(k: int, f: float) -> None:
    with pytest.raises(ValueError, match=r"security_param|active_slot_coeff"):
        ConsensusConfig(k, f)


def test_impossible_epochs_and_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="period_nonce_buffer must be at least 1, got 0"):
        EpochConfig(1, 0, 1)
    with pytest.raises(ValueError, match="positive duration"):
        SlotSchedule(0, 0)
