"""Slot ticks against a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest

from nomos_core.cryptarchia.slots import SlotSchedule
from nomos_node.time.slot_clock import SlotClock

_SECOND = 1_000_000_000


class _Time:
    """A clock that moves only by sleeping, and by jumps of the test."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * _SECOND)


@pytest.fixture
def clock_time(monkeypatch: pytest.MonkeyPatch) -> _Time:
    time = _Time(now_ns=0)
    monkeypatch.setattr(asyncio, "sleep", time.sleep)
    return time


async def test_the_first_tick_is_the_slot_after_the_current_one(clock_time: _Time) -> None:
    clock_time.now_ns = 25 * _SECOND
    ticks = SlotClock(SlotSchedule(10 * _SECOND, 2 * _SECOND), clock_time).ticks()
    tick = await anext(ticks)
    assert (tick.slot, tick.start_ns, clock_time.now_ns) == (8, 26 * _SECOND, 26 * _SECOND)


async def test_ticks_come_at_slot_starts_below_a_second(clock_time: _Time) -> None:
    ticks = SlotClock(SlotSchedule(0, _SECOND // 5), clock_time).ticks()
    slots = [(await anext(ticks)).slot for _ in range(5)]
    assert slots == [1, 2, 3, 4, 5]
    assert clock_time.now_ns == _SECOND


async def test_slots_missed_while_stopped_are_not_made_up(clock_time: _Time) -> None:
    ticks = SlotClock(SlotSchedule(0, _SECOND), clock_time).ticks()
    assert (await anext(ticks)).slot == 1
    clock_time.now_ns += 100 * _SECOND
    assert (await anext(ticks)).slot == 101


async def test_before_the_chain_start_the_first_tick_is_slot_one(clock_time: _Time) -> None:
    clock = SlotClock(SlotSchedule(3600 * _SECOND, _SECOND), clock_time)
    assert clock.current_slot() == 0
    assert (await anext(clock.ticks())).slot == 1
    assert clock_time.now_ns == 3601 * _SECOND


async def test_a_clock_that_was_behind_for_a_while_is_followed_within_a_slot(
    clock_time: _Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = SlotClock(SlotSchedule(0, _SECOND), clock_time).ticks()
    assert (await anext(ticks)).slot == 1
    right, clock_time.now_ns = clock_time.now_ns, -1000 * _SECOND

    async def be_put_right_meanwhile(seconds: float) -> None:
        assert seconds <= 1
        clock_time.now_ns = right + round(seconds * _SECOND)

    monkeypatch.setattr(asyncio, "sleep", be_put_right_meanwhile)
    assert (await anext(ticks)).slot == 2


async def test_after_a_clock_that_was_ahead_no_slot_comes_twice(clock_time: _Time) -> None:
    ticks = SlotClock(SlotSchedule(0, _SECOND), clock_time).ticks()
    assert (await anext(ticks)).slot == 1
    clock_time.now_ns = 9 * _SECOND
    assert (await anext(ticks)).slot == 9
    clock_time.now_ns = 3 * _SECOND
    assert (await anext(ticks)).slot == 10
    assert clock_time.now_ns == 10 * _SECOND
