"""When a network counts as recovered from a fault."""

from __future__ import annotations

from typing import Any

from nomos_testing.faults.fault_events import FaultRecovered
from nomos_testing.faults.recovery import note_recoveries
from nomos_testing.faults.vocabulary import Kill, Partition
from support.fakes.fake_chain import fake_chain
from support.fakes.watched_run import SLOT_SECONDS, WatchedRun

CHAIN = fake_chain(12)
PARTITION = Partition.of(["a"], ["b"])


def recovered(run: WatchedRun) -> list[FaultRecovered]:
    feed: Any = run.block_feed()
    note_recoveries(feed, run.log, run.journal(), slot_seconds=SLOT_SECONDS)
    return [event for event in run.journaled if isinstance(event, FaultRecovered)]


def healed(run: WatchedRun, fault: Any = None, number: int = 1) -> Any:
    planned = run.inject(number, fault or Kill("b"))
    run.pass_slots(1)
    run.heal(planned)
    run.pass_slots(1)
    return planned


def everybody_at(run: WatchedRun, *heights: int) -> None:
    for node, height in zip(run.views, heights, strict=True):
        run.show(node, CHAIN[:height])


async def test_every_node_has_to_answer_after_the_heal_and_be_close() -> None:
    run = WatchedRun("a", "b")
    everybody_at(run, 5, 5)
    run.log.settle(healed(run))
    assert recovered(run) == [], "both were close before the heal, which says nothing"
    everybody_at(run, 9, 6)
    assert recovered(run) == []
    everybody_at(run, 9, 7)
    (event,) = recovered(run)
    assert (event.number, event.fault, event.overlapped) == (1, "kill b", False)
    assert len(recovered(run)) == 1, "once"


def test_a_node_on_another_branch_is_not_close() -> None:
    run = WatchedRun("a", "b")
    run.log.settle(healed(run))
    run.show("a", CHAIN[:8])
    run.show("b", [*CHAIN[:4], *fake_chain(4, parent=CHAIN[3].id, first_slot=5, branch=1)])
    assert recovered(run) == []


async def test_before_the_heal_is_verified_nothing_counts() -> None:
    run = WatchedRun("a", "b")
    fault = healed(run)
    everybody_at(run, 5, 5)
    assert recovered(run) == [], "started again, and alone"
    run.log.settle(fault)
    assert len(recovered(run)) == 1


async def test_while_links_are_cut_nothing_counts() -> None:
    run = WatchedRun("a", "b")
    run.log.settle(healed(run))
    parted = run.inject(2, PARTITION)
    everybody_at(run, 5, 5)
    assert recovered(run) == []
    run.heal(parted)
    run.log.settle(parted)
    run.pass_slots(1)
    everybody_at(run, 6, 6)
    assert {event.number: event.overlapped for event in recovered(run)} == {1: True, 2: False}


async def test_a_node_that_is_down_is_not_waited_for() -> None:
    run = WatchedRun("a", "b", "c")
    fault = healed(run, Kill("a"))
    run.log.settle(fault)
    run.inject(2, Kill("c"))
    run.silence("c")
    run.show("a", CHAIN[:5])
    run.show("b", CHAIN[:5])
    assert [event.number for event in recovered(run)] == [1]
