"""Faults that make no sense are refused while the scenario is built, each by its field."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nomos_testing.cluster.links import Links
from nomos_testing.faults import (
    Bandwidth,
    ClockSkew,
    Duplicate,
    FaultPlan,
    FaultPlanError,
    Isolate,
    Kill,
    Latency,
    Loss,
    Partition,
    Pause,
    Reorder,
    Restart,
    Stop,
    at,
    during,
    every,
    randomly,
    slots,
)
from nomos_testing.faults.planner import Frame, check_plan, make_plan
from nomos_testing.faults.schedule import Entry
from support.inputs.fault_strategies import node_names, requests_of

FRAME = Frame(nodes=node_names(3, 1), run_seconds=60.0, slot_seconds=2.0, seed=0)
KILL = Kill("validator-0")
HALVES = Partition.of(["validator-0", "validator-1"], ["validator-2"])
RANGE = (1.0, 2.0)


def refusal(*entries: Entry, frame: Frame = FRAME) -> str:
    with pytest.raises(FaultPlanError) as caught:
        make_plan(requests_of(entries), frame)
    return str(caught.value)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        # who
        (
            at(1, Kill("validator-9"), lasting=1),
            "faults.0.kill.node: there is no node 'validator-9'; expected one of validator-0, validator-1, "
            "validator-2, executor-0, any, any validator, any executor",
        ),
        (at(1, Isolate("ghost"), lasting=1), "faults.0.isolate.node: there is no node 'ghost'"),
        (at(1, Partition.of(["validator-0"], ["ghost"]), lasting=1), "faults.0.partition.groups: there is no node"),
        (at(1, Partition.of(["validator-0"]), lasting=1), "faults.0.partition.groups: a partition needs at least two"),
        (at(1, Partition.of(["validator-0"], []), lasting=1), "faults.0.partition.groups: a partition's groups need"),
        (
            at(1, Partition.of(["validator-0"], ["validator-0", "validator-1"]), lasting=1),
            "faults.0.partition.groups: validator-0: in two groups",
        ),
        (at(1, Loss(rate=0.1, links=Links.of("ghost")), lasting=1), "faults.0.loss.nodes: there is no node 'ghost'"),
        (
            at(1, Loss(rate=0.1, links=Links.towards(["any"], ["ghost"])), lasting=1),
            "faults.0.loss.peers: there is no node 'ghost'",
        ),
        (
            at(1, Loss(rate=0.1, links=Links.between(["executor-0"], ["any executor"])), lasting=1),
            "faults.0.loss: there is no link executor-0 <-> any executor between different nodes",
        ),
        # how much
        (at(1, ClockSkew("validator-0", 0), lasting=1), "faults.0.clock_skew.seconds: expected a number other than 0"),
        (at(1, Latency(seconds=0), lasting=1), "faults.0.latency.seconds: expected greater than 0 (got 0)"),
        (at(1, Latency(seconds=0.1, jitter=0.2), lasting=1), "faults.0.latency.jitter: expected from 0 to the latency"),
        (at(1, Loss(rate=1.1), lasting=1), "faults.0.loss.rate: expected less than or equal to 1 (got 1.1)"),
        (at(1, Duplicate(rate=-1), lasting=1), "faults.0.duplicate.rate: expected greater than 0 (got -1)"),
        (at(1, Reorder(rate=0.5, hold=0), lasting=1), "faults.0.reorder.hold: expected greater than 0 (got 0)"),
        (at(1, Bandwidth(bytes_per_second=0), lasting=1), "faults.0.bandwidth.bytes_per_second: expected greater"),
        # when
        (at(-1, KILL, lasting=1), "faults.0.at: expected 0 or more, got -1 s"),
        (at(60, KILL, lasting=1), "faults.0.at: 60 s is after the run, which lasts 60 s"),
        (at(slots(29), KILL, lasting=3), "faults.0.lasting: the fault would end at 61 s, after the run"),
        (at(1, KILL, lasting=100), "faults.0.lasting: the fault would end at 101 s, after the run, which lasts 60 s"),
        (at(1, KILL, lasting=-1), "faults.0.lasting: expected 0 or more, got -1 s"),
        (at(1, KILL, lasting=0), "faults.0.lasting: expected 0.001 s or more, got 0 s"),
        (at(1, KILL), "faults.0.lasting: is missing: how long the kill lasts"),
        (at(1, Restart("any"), lasting=1), "faults.0.lasting: a restart has no length; use kill or stop"),
        (during(5, 4, KILL), "faults.0.during.end: expected after the start at 5 s, got 4 s"),
        (during(-1, 4, KILL), "faults.0.during.start: expected 0 or more"),
        (during(5, 61, KILL), "faults.0.during.end: the fault would end at 61 s"),
        (during(5, 6, Restart("any")), "faults.0.during: a restart has no length; use `at` or `every`"),
        (every(0, Restart("any")), "faults.0.every: expected above 0"),
        (every(-2, Restart("any")), "faults.0.every: expected 0 or more"),
        (every(90, Restart("any")), "faults.0.every: not one restart fits into the 60 s"),
        (every(10, KILL, lasting=10), "faults.0.lasting: expected below the period of 10 s, got 10 s"),
        (every(10, Restart("any"), until=61), "faults.0.until: 61 s is after the run"),
        (every(10, Restart("any"), first=-1), "faults.0.first: expected 0 or more"),
        (randomly(gap=RANGE, lasting=RANGE), "faults.0.randomly.of: expected one fault or more"),
        (randomly(Kill("x"), gap=RANGE, lasting=RANGE), "faults.0.randomly.of.0.kill.node: there is no node 'x'"),
        (randomly(KILL, gap=(3, 2), lasting=RANGE), "faults.0.randomly.gap: expected 0.001 s <= min <= max"),
        (randomly(KILL, gap=(0, 2), lasting=RANGE), "faults.0.randomly.gap: expected 0.001 s <= min <= max, got 0 s"),
        (randomly(KILL, gap=RANGE, lasting=(1, -1)), "faults.0.randomly.lasting.max: expected 0 or more, got -1 s"),
        (randomly(KILL, gap=RANGE, lasting=RANGE, count=0), "faults.0.randomly.count: expected 1 or more, got 0"),
        (randomly(KILL, gap=RANGE, lasting=RANGE, start=59), "faults.0.randomly: no fault fits into the run of 60 s"),
        (randomly(KILL, gap=RANGE, lasting=(90, 90)), "faults.0.randomly: no fault fits into the run of 60 s"),
    ],
)  # fmt: skip
def test_it_is_refused_by_its_field(entry: Entry, complaint: str) -> None:
    assert refusal(entry).startswith(complaint)


@pytest.mark.parametrize(
    ("first", "second", "complaint"),
    [
        (
            at(10, HALVES, lasting=10),
            at(15, Partition.of(["validator-0"], ["validator-1"]), lasting=10),
            "faults.1: partition validator-0 | validator-1 from 15 s to 25 s overlaps with faults.0: "
            "partition validator-0, validator-1 | validator-2 from 10 s to 20 s",
        ),
        (at(10, HALVES, lasting=10), at(20, Partition.halves(), lasting=1), "faults.1: partition "),
        (
            at(10, HALVES, lasting=10),
            at(12, Isolate("any"), lasting=1),
            "faults.1: isolate any: at 12 s everything it could hit is busy with another fault",
        ),
        (at(10, KILL, lasting=10), at(20, Pause("validator-0"), lasting=1), "faults.1: pause validator-0 from 20 s"),
        (at(10, KILL, lasting=10), at(12, Restart("validator-0")), "faults.1: restart validator-0 from 12 s to 12 s"),
        (
            at(10, Loss(rate=0.1), lasting=10),
            at(12, Loss(rate=0.2, links=Links.of("executor-0")), lasting=1),
            "faults.1: loss 0.2 on executor-0 <-> every node from 12 s to 13 s overlaps with faults.0: loss 0.1",
        ),
        (
            at(10, Kill("executor-0"), lasting=10),
            at(12, Stop("any executor"), lasting=1),
            "faults.1: stop executor-0 from 12 s to 13 s overlaps with faults.0: kill executor-0",
        ),
    ],
)
def test_what_cannot_be_there_at_once_is_refused(first: Entry, second: Entry, complaint: str) -> None:
    assert refusal(first, second).startswith(complaint)


@pytest.mark.parametrize(
    "second",
    [
        at(12, Kill("validator-1"), lasting=1),
        at(12, Latency(seconds=0.1), lasting=1),
        at(12, ClockSkew("validator-0", 3), lasting=1),
        at(12, HALVES, lasting=1),
        at(20.001, Pause("validator-0"), lasting=1),
    ],
    ids=lambda entry: entry.fault.kind,
)
def test_what_can_be_there_at_once_is_not(second: Entry) -> None:
    assert len(make_plan(requests_of([at(10, KILL, lasting=10), second]), FRAME)) == 2


def test_a_partition_needs_somebody_to_part() -> None:
    lonely = Frame(nodes=("validator-0",), run_seconds=60.0, slot_seconds=2.0, seed=0)
    halved = refusal(at(1, Partition.halves(), lasting=1), frame=lonely)
    assert halved == "faults.0.partition: a partition needs two nodes or more"
    assert "needs two nodes or more" in refusal(at(1, Isolate("validator-0"), lasting=1), frame=lonely)
    assert "the network has none" in refusal(at(1, Kill("any executor"), lasting=1), frame=lonely)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda fault: fault | {"inject_at": -1.0}, "faults.0: expected a time from 0"),
        (lambda fault: fault | {"heal_at": 5.0}, "faults.0: expected a time from 0, and an end after it"),
        (lambda fault: fault | {"heal_at": 99.0}, "faults.0: the fault would end at 99 s"),
        (lambda fault: fault | {"kill": {"node": "ghost"}}, "faults.0.kill.node: there is no node 'ghost'"),
        (lambda fault: fault | {"inject_at": 20.0, "heal_at": 22.0}, "faults.1: pause validator-0 from 21 s to 23 s"),
    ],
)
def test_a_plan_edited_into_nonsense_is_refused(edit: Callable[[dict[str, object]], object], complaint: str) -> None:
    plan = make_plan(requests_of([at(10, KILL, lasting=5), at(21, Pause("validator-0"), lasting=2)]), FRAME).to_json()
    edited = FaultPlan.from_json([edit(plan[0]), plan[1]])  # type: ignore[list-item]
    with pytest.raises(FaultPlanError) as caught:
        check_plan(edited, FRAME)
    assert str(caught.value).startswith(complaint)
