"""Random faults, schedules and networks to plan them in, for property tests."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from nomos_testing.cluster.links import Links
from nomos_testing.faults.durations import Span
from nomos_testing.faults.planner import Frame, Request
from nomos_testing.faults.schedule import At, During, Entry, Every, Randomly, RandomRestarts
from nomos_testing.faults.vocabulary import (
    Bandwidth,
    ClockSkew,
    DiskFull,
    Duplicate,
    Fault,
    Isolate,
    Kill,
    Latency,
    Loss,
    Partition,
    Pause,
    Reorder,
    Restart,
    Stop,
)

OPEN_TARGETS = ("any", "any validator", "any executor")


def node_names(validators: int, executors: int) -> tuple[str, ...]:
    return (*(f"validator-{i}" for i in range(validators)), *(f"executor-{i}" for i in range(executors)))


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    slot = draw(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0]))
    return Frame(
        nodes=node_names(draw(st.integers(1, 4)), draw(st.integers(0, 2))),
        run_seconds=draw(st.integers(2, 60)) * slot,
        slot_seconds=slot,
        seed=draw(st.integers(0, 2**48)),
    )


def faults(nodes: Sequence[str], targets: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Fault]:
    """Of every kind; ``targets`` are the network's nodes by default, and nodes to be drawn."""
    target = st.sampled_from([*nodes, *OPEN_TARGETS]) if targets is None else targets
    sides = st.none() | st.frozensets(target, min_size=1, max_size=3)
    links = st.builds(Links, sources=sides, targets=sides, one_way=st.booleans())
    number, rate = st.floats(0.001, 5), st.floats(0.001, 1)
    groups = st.lists(st.frozensets(target, min_size=1, max_size=3), min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Restart, target, wipe_data=st.booleans()),
        st.builds(Kill, target),
        st.builds(Stop, target),
        st.builds(Pause, target),
        st.builds(ClockSkew, target, seconds=st.floats(-60, -0.1) | st.floats(0.1, 60)),
        st.builds(DiskFull, target),
        st.builds(Partition, st.just(()) | groups, one_way=st.booleans()),
        st.builds(Isolate, target, one_way=st.booleans()),
        st.builds(Latency, links=links, seconds=number, jitter=st.just(0.0) | st.floats(0, 0.001)),
        st.builds(Loss, links=links, rate=rate),
        st.builds(Duplicate, links=links, rate=rate),
        st.builds(Reorder, links=links, rate=rate, hold=number),
        st.builds(Bandwidth, links=links, bytes_per_second=st.floats(1, 1e9)),
    )


def spans(most: float = 40.0) -> st.SearchStrategy[Span]:
    amounts = st.floats(0, most) | st.integers(0, int(most)).map(float)
    return st.builds(Span, amounts, st.sampled_from(["slots", "seconds"]))


def ranges(most: float = 10.0) -> st.SearchStrategy[tuple[Span, Span]]:
    amounts = st.lists(st.floats(0.05, most), min_size=2, max_size=2).map(sorted)
    return st.builds(lambda pair, unit: (Span(pair[0], unit), Span(pair[1], unit)), amounts, _UNITS)


def entries(fault: st.SearchStrategy[Fault]) -> st.SearchStrategy[Entry]:
    """All that a scenario file can say."""
    length = st.none() | spans(10)
    return st.one_of(
        st.builds(At, spans(), fault, length),
        st.builds(Every, spans(), fault, length, st.none() | spans(), st.none() | spans()),
        st.builds(During, spans(), spans(), fault),
        st.builds(
            Randomly,
            faults=st.lists(fault, min_size=1, max_size=4).map(tuple),
            gap=ranges(),
            lasting=ranges(),
            start=spans(),
            until=st.none() | spans(),
            count=st.none() | st.integers(1, 10),
        ),
    )


@st.composite
def fitting_entries(draw: st.DrawFn, frame: Frame) -> Entry:
    """Entries whose times lie within the run; whether their faults make sense together is another question."""
    run = frame.run_seconds
    fault = draw(faults(frame.nodes))
    start = draw(st.floats(0, run * 0.9))
    end = draw(st.floats(start + run * 0.01, run) | st.just(run))
    lasting = None if fault.momentary else Span(end - start)
    kind = draw(st.sampled_from(["at", "during", "every", "randomly"]))
    if kind == "at":
        return At(Span(start), fault, lasting)
    if kind == "during" and not fault.momentary:
        return During(Span(start), Span(end), fault)
    if kind == "every":
        period = draw(st.floats(run * 0.1, run * 0.9))
        return Every(Span(period), fault, None if fault.momentary else Span(period * draw(st.floats(0.01, 0.9))))
    several = draw(st.lists(faults(frame.nodes), min_size=1, max_size=4))
    return Randomly(faults=tuple(several), gap=_below(draw, run / 2), lasting=_below(draw, run / 2))


@st.composite
def restarts(draw: st.DrawFn, frame: Frame) -> RandomRestarts:
    low = draw(st.floats(0.05, frame.run_seconds))
    return RandomRestarts(
        min_delay=low,
        max_delay=low * draw(st.floats(1, 3)),
        target_cooldown=low * draw(st.floats(1, 10)),
        targets=tuple(draw(st.lists(st.sampled_from(frame.nodes), min_size=1, unique=True))),
    )


@st.composite
def planning_tasks(draw: st.DrawFn) -> tuple[list[Request], Frame]:
    frame = draw(frames())
    chosen = draw(st.lists(fitting_entries(frame) | restarts(frame), min_size=1, max_size=5))
    return requests_of(chosen), frame


def requests_of(chosen: Sequence[Entry]) -> list[Request]:
    return [Request(entry=entry, origin="faults", path=("faults", index)) for index, entry in enumerate(chosen)]


_UNITS = st.sampled_from(["slots", "seconds"])


def _below(draw: st.DrawFn, most: float) -> tuple[Span, Span]:
    low, high = sorted(draw(st.lists(st.floats(most / 100, most), min_size=2, max_size=2)))
    return Span(low), Span(high)
