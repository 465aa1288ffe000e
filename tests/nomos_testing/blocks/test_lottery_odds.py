"""The odds of the leader lottery against the lottery itself, and what a run must show by them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.cryptarchia.leadership import development_constants
from nomos_core.field import MODULUS
from nomos_testing.blocks.lottery_odds import FALSE_ALARM, LotteryOdds, fewest_blocks
from nomos_testing.topology import TopologySpec, WalletSpec

SLOTS = 20_000


def spec(nodes: int, users: int = 0, coefficient: float = 0.9) -> TopologySpec:
    wallet = WalletSpec(total=100 * users, users=users) if users else None
    return TopologySpec(validators=nodes, active_slot_coeff=coefficient, wallet=wallet)


@pytest.mark.parametrize(("nodes", "users", "spent"), [(1, 0, 0), (2, 0, 0), (3, 5, 0), (3, 5, 5), (2, 20, 10)])
def test_the_odds_are_those_of_drawn_tickets(nodes: int, users: int, spent: int) -> None:
    constants = development_constants(nodes * 1002 + users * 100, 0.9)
    thresholds = [constants.threshold(1000)] * nodes + [constants.threshold(100)] * nodes * (users - spent)
    rng = random.Random(1)
    empty = sum(all(rng.randrange(MODULUS) >= limit for limit in thresholds) for _ in range(SLOTS))
    odds = LotteryOdds.of(spec(nodes, users)).empty_slot(spent)
    assert empty / SLOTS == pytest.approx(odds, abs=5 * (odds * (1 - odds) / SLOTS) ** 0.5)


def test_a_lone_leader_wins_two_slots_in_three() -> None:
    assert LotteryOdds.of(spec(1)).empty_slot() == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize(
    ("nodes", "users", "slots", "blocks"),
    [(2, 1000, 15, 8), (2, 1000, 30, 15), (2, 0, 15, 2), (1, 0, 2, 0), (3, 1000, 1000, 500)],
)
def test_half_of_the_average_is_required_unless_chance_alone_may_leave_less(
    nodes: int, users: int, slots: int, blocks: int
) -> None:
    assert fewest_blocks(slots, 1 - LotteryOdds.of(spec(nodes, users)).empty_slot()) == blocks


@given(
    nodes=st.integers(1, 10), users=st.integers(0, 50), coefficient=st.floats(0.01, 0.99), slots=st.integers(1, 2000)
)
def test_what_is_required_and_allowed_is_within_the_run(nodes: int, users: int, coefficient: float, slots: int) -> None:
    odds = LotteryOdds.of(spec(nodes, users, coefficient))
    assert 0 <= fewest_blocks(slots, 1 - odds.empty_slot()) <= (slots + 1) // 2
    stall = odds.longest_stall(slots)
    assert slots * odds.empty_slot() ** stall <= FALSE_ALARM * 1.001
    assert slots * odds.empty_slot() ** (stall - 1) > FALSE_ALARM * 0.999


@given(slots=st.integers(1, 500), wins=st.floats(0, 1), more=st.floats(0, 1))
def test_better_odds_never_ask_for_fewer_blocks(slots: int, wins: float, more: float) -> None:
    assert fewest_blocks(slots, min(wins, more)) <= fewest_blocks(slots, max(wins, more))


@given(nodes=st.integers(1, 10), users=st.integers(1, 50), spent=st.integers(0, 100))
def test_spent_notes_draw_no_more(nodes: int, users: int, spent: int) -> None:
    odds = LotteryOdds.of(spec(nodes, users))
    assert odds.empty_slot() <= odds.empty_slot(spent) <= odds.empty_slot(users) == odds.empty_slot(users + 1)
    assert odds.longest_stall(100, spent) >= odds.longest_stall(100)
