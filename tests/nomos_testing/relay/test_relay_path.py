"""When packets of one link depart, without sockets and clocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.relay.path import QUEUE_SECONDS, SMALLEST_QUEUE, Path

LINK = Link("a", "b")
arrivals = st.lists(st.tuples(st.floats(0, 0.1), st.integers(1, 1500)), min_size=1, max_size=50)
"""Each packet's time after the one before, and its size."""


def path_with(effect: LinkEffect, seed: str = "") -> Path:
    path = Path(LINK, seed)
    path.change(effect)
    return path


def departures(path: Path, packets: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """Arrival and departure of every packet that gets through."""
    now, seen = 100.0, []
    for after, size in packets:
        now += after
        seen += [(now, departure) for departure in path.departures(size, now)]
    return seen


@given(arrivals, st.floats(0, 1), st.floats(0, 1))
def test_latency_and_jitter_keep_order_and_bounds(
    packets: list[tuple[float, int]], delay: float, jitter: float
) -> None:
    seen = departures(path_with(LinkEffect(delay=delay, jitter=jitter)), packets)
    assert len(seen) == len(packets)
    left = [departure for _, departure in seen]
    assert left == sorted(left)
    assert all(arrival <= departure for arrival, departure in seen)
    assert all(departure <= arrival + delay + jitter + 1e-9 for arrival, departure in seen)


@given(arrivals, st.floats(1000, 1e6))
def test_a_narrow_link_never_carries_more_than_its_bandwidth(
    packets: list[tuple[float, int]], bandwidth: float
) -> None:
    path = path_with(LinkEffect(bandwidth=bandwidth))
    now, free, queue = 100.0, 0.0, max(SMALLEST_QUEUE, bandwidth * QUEUE_SECONDS)
    for after, size in packets:
        now += after
        for departure in path.departures(size, now):
            assert departure >= max(now, free) + size / bandwidth - 1e-9
            assert (departure - now) * bandwidth <= queue + size
            free = departure


@given(arrivals, st.floats(0, 5), st.floats(0, 5))
def test_after_a_change_nothing_waits_longer_than_it_would_have(
    packets: list[tuple[float, int]], before: float, after: float
) -> None:
    path = path_with(LinkEffect(delay=before))
    waiting = sorted(
        (departure, size) for (_, departure), (_, size) in zip(departures(path, packets), packets, strict=True)
    )
    now = 100.0 + sum(gap for gap, _ in packets)
    path.change(LinkEffect(delay=after))
    requeued = [path.requeued(size, planned, now) for planned, size in waiting]
    assert all(
        new is not None and new <= max(planned, now) for new, (planned, _) in zip(requeued, waiting, strict=True)
    )
    assert all(new is not None and new <= now + after for new in requeued)


def test_a_cut_lets_nothing_out_of_the_queue() -> None:
    path = path_with(LinkEffect(delay=1))
    (planned,) = path.departures(100, 0.0)
    path.change(LinkEffect(cut=True))
    assert path.requeued(100, planned, 0.5) is None
    assert path.departures(100, 0.6) == []
    assert path.counters.cut == 2


def fates(seed: str) -> list[bool]:
    path = path_with(LinkEffect(loss=0.5), seed)
    return [bool(path.departures(100, 0.0)) for _ in range(100)]


def test_the_seed_decides_which_packets_are_lost() -> None:
    assert fates("1") == fates("1")
    assert fates("1") != fates("2")
