"""Failure rates of peers, and when a peer is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_node.da.peer_failures import Exchange, FailureLimits, Health, PeerFailures, fixed_point

LIMITS = FailureLimits(window=5, decay=1, dispersal=2, sampling=0, replication=3, malicious=4)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_failures_at_one_time_add_up_to_the_limits(clock: Clock) -> None:
    failures = PeerFailures(LIMITS, clock)
    healths = [failures.record("peer", Exchange.DISPERSAL) for _ in range(4)]
    assert healths == [Health.HEALTHY, Health.UNHEALTHY, Health.UNHEALTHY, Health.MALICIOUS]
    assert failures.rates() == {
        "peer": {Exchange.DISPERSAL: "4", Exchange.SAMPLING: "0", Exchange.REPLICATION: "0"},
    }


def test_kinds_and_peers_are_counted_apart(clock: Clock) -> None:
    failures = PeerFailures(LIMITS, clock)
    failures.record("one", Exchange.DISPERSAL)
    assert failures.record("one", Exchange.REPLICATION) is Health.HEALTHY
    assert failures.record("other", Exchange.DISPERSAL) is Health.HEALTHY


def test_rates_decay_until_the_next_failure(clock: Clock) -> None:
    failures = PeerFailures(LIMITS, clock)
    failures.record("peer", Exchange.DISPERSAL)
    clock.now = 5.0  # one window: e^-1 of it is left, 47 of 128 units
    failures.record("peer", Exchange.DISPERSAL)
    assert failures.rates()["peer"][Exchange.DISPERSAL] == fixed_point(47 + 128) == "1.37"


def test_with_decay_zero_only_failures_of_one_moment_add_up(clock: Clock) -> None:
    failures = PeerFailures(replace(LIMITS, decay=0), clock)
    failures.record("peer", Exchange.DISPERSAL)
    clock.now = 0.1
    assert failures.record("peer", Exchange.DISPERSAL) is Health.HEALTHY


def test_a_limit_of_zero_is_none(clock: Clock) -> None:
    failures = PeerFailures(replace(LIMITS, malicious=0), clock)
    assert {failures.record("peer", Exchange.SAMPLING) for _ in range(50)} == {Health.HEALTHY}


@given(st.integers(0, 1 << 40))
def test_fixed_point_texts_name_their_number(units: int) -> None:
    assert round(float(fixed_point(units)) * 128) == units
    assert len(fixed_point(units).partition(".")[2]) <= 3
