"""``always``, ``eventually`` and ``sometimes``: when they hold, when they don't, and what they say then."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from nomos_testing.blocks.chain_history import Reorganisation
from nomos_testing.expectations.conditions import (
    CONDITIONS,
    Condition,
    FaultActive,
    HeightAtLeast,
    NodesAnswer,
    NodesWithin,
    ReorganisationDeeperThan,
)
from nomos_testing.expectations.continuous import Always, Eventually, Sometimes
from nomos_testing.expectations.no_stalls import NoStalls
from nomos_testing.expectations.run_view import RunView
from nomos_testing.faults import slots
from nomos_testing.faults.vocabulary import Pause
from nomos_testing.outcome import ExpectationFailed
from nomos_testing.waiting.waiting import Seen
from support.fakes.fake_chain import fake_chain
from support.fakes.watched_run import WatchedRun

CHAIN = fake_chain(20)


def refusal(expectation: Any) -> ExpectationFailed:
    with pytest.raises(ExpectationFailed) as caught:
        expectation.judge()
    return caught.value


async def test_always_fails_once_for_each_time_it_stops_to_hold_and_journals_it_at_once() -> None:
    run = WatchedRun("a", "b")
    heights = await run.watched(Always("below three", lambda view: max(view.heights.values(), default=0) < 3))
    run.show("a", CHAIN[:2])
    assert heights.judge().observed == "held at 3 looks"  # two blocks, and the tip that follows them
    run.show("a", CHAIN[:3])
    run.inject(fault=Pause("b"))
    run.pass_slots(4)
    (breach,) = run.breaches()
    assert (breach.expectation, breach.active_faults) == ("below three", ())
    failed = refusal(heights)
    assert str(failed) == ("did not hold at 4 of 7 looks; first at slot 0.0, no fault active: it does not hold")
    assert (failed.observed, failed.required) == (4, 0)
    assert failed.evidence == ("slot 0.0, no fault active: it does not hold",)


async def test_always_outside_faults_does_not_look_while_one_is_there() -> None:
    run = WatchedRun("a")
    answer = await run.watched(Always("answers", NodesAnswer(), outside_faults=True))
    fault = run.inject()
    run.silence("a")
    answer.judge()
    run.heal(fault)
    assert "a: connection refused" in str(refusal(answer))


async def test_a_breach_names_the_faults_that_were_there() -> None:
    run = WatchedRun("a")
    answer = await run.watched(Always("answers", NodesAnswer()))
    run.inject(3, Pause("a"))
    run.silence("a", "no answer")
    assert refusal(answer).evidence == ("slot 0.0, during fault 3 (pause a): a: no answer",)


async def test_eventually_fails_when_it_did_not_come_in_time() -> None:
    run = WatchedRun("a")
    grown = await run.watched(Eventually("grown", HeightAtLeast(3), within=slots(5)))
    run.show("a", CHAIN[:2])
    run.pass_slots(4)
    assert str(refusal(grown)) == "not seen since the start"
    run.pass_slots(2)
    run.show("a", CHAIN[:3])
    assert str(refusal(grown)) == "slot 6.0, no fault active: not within 5 slots of the start: height 2"
    assert refusal(grown).required == "within 5 slots"


async def test_eventually_holds_when_it_came_once_in_time() -> None:
    run = WatchedRun("a")
    grown = await run.watched(Eventually("grown", HeightAtLeast(3), within=5))
    run.pass_slots(3)
    run.show("a", CHAIN[:3])
    run.pass_slots(20)
    assert grown.judge().observed == "3.0 slots at most"


async def test_eventually_after_each_heal_starts_anew_with_each() -> None:
    run = WatchedRun("a")
    back = await run.watched(Eventually("back", NodesAnswer(), within=slots(3), after_each_heal=True))
    assert back.judge().observed == "0.0 slots at most", "without a fault there is nothing to wait for"
    run.silence("a")
    first = run.inject(1)
    run.pass_slots(9)
    run.heal(first)
    run.pass_slots(2)
    run.show("a", CHAIN[:1])
    assert back.judge().observed == "2.0 slots at most"
    second = run.inject(2)
    run.silence("a")
    run.heal(second)
    run.pass_slots(4)
    assert "not within 3 slots of the heal of fault 2 (kill a): a: connection refused" in str(refusal(back))


async def test_eventually_waits_for_the_next_heal_where_another_fault_comes_between() -> None:
    run = WatchedRun("a")
    back = await run.watched(Eventually("back", NodesAnswer(), within=slots(3), after_each_heal=True))
    run.silence("a")
    run.heal(run.inject(1))
    run.pass_slots(2)
    second = run.inject(2)
    run.pass_slots(9)
    run.heal(second)
    run.pass_slots(1)
    run.show("a", CHAIN[:1])
    back.judge()


async def test_sometimes_fails_when_it_never_held() -> None:
    run = WatchedRun("a")
    faulty = await run.watched(Sometimes("a fault", FaultActive()))
    run.pass_slots(1)
    run.pass_slots(1)
    assert str(refusal(faulty)) == "never held in 2 looks; last seen: no fault active"
    run.inject()
    assert faulty.judge().observed == "1 times, first at slot 2.0: fault 1 (kill a)"


@pytest.mark.parametrize("within", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_that_makes_no_sense_is_refused(within: float) -> None:
    plan: Any = None
    with pytest.raises(ValueError, match="within: expected above 0"):
        Eventually("x", FaultActive(), within=within).prepare(plan)


async def test_it_looks_when_time_passes_and_whenever_a_fault_comes_or_goes() -> None:
    run, tasks = WatchedRun("a"), list[asyncio.Task[None]]()

    def spawn(work: Coroutine[Any, Any, None], *, name: str) -> None:
        if "time" in name:
            tasks.append(asyncio.create_task(work, name=name))
        else:
            work.close()

    run.spawn = spawn  # type: ignore[method-assign]
    looks: asyncio.Queue[bool] = asyncio.Queue()

    def check(view: RunView) -> bool:
        looks.put_nowait(view.quiet)
        return True

    async def seen(quiet: bool) -> None:
        while await looks.get() != quiet:
            pass

    context: Any = run
    expectation = Always("x", check).begin(context)
    await expectation.capture(context)
    try:
        async with asyncio.timeout(5):
            await seen(quiet=True)
            planned = run.inject()
            await seen(quiet=False)
            run.heal(planned)
            await seen(quiet=True)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- conditions ---


def test_nodes_within() -> None:
    run = WatchedRun("a", "b")
    run.show("a", CHAIN[:6])
    assert NodesWithin(2)(run.view()) == Seen(False, "b is 0 blocks behind")
    run.show("b", CHAIN[:3])
    assert NodesWithin(2)(run.view()) == Seen(False, "b is 3 blocks behind")
    run.show("b", CHAIN[:4])
    assert NodesWithin(2)(run.view()).fulfilled
    run.show("b", [*CHAIN[:2], *fake_chain(4, parent=CHAIN[1].id, first_slot=3, branch=1)])
    assert NodesWithin(2)(run.view()) == Seen(False, "b is 4 blocks behind"), "another branch of the same height"
    run.show("b", CHAIN[:6])
    run.silence("b")
    assert NodesWithin(2)(run.view()) == Seen(False, "b does not answer")


def test_height_and_reorganisations() -> None:
    run = WatchedRun("a")
    run.show("a", CHAIN[:3])
    assert HeightAtLeast(3)(run.view()) == Seen(True, "height 3")
    assert not HeightAtLeast(4)(run.view()).fulfilled
    left = Reorganisation("a", CHAIN[2].id, CHAIN[0].id, CHAIN[0].id, (CHAIN[2].id, CHAIN[1].id), (), 0.0)
    assert ReorganisationDeeperThan(1)(run.view(left)) == Seen(True, "a left 2 blocks")
    assert not ReorganisationDeeperThan(2)(run.view(left)).fulfilled
    assert not ReorganisationDeeperThan(0)(run.view()).fulfilled


@pytest.mark.parametrize("condition", [NodesWithin(2), NodesAnswer(), HeightAtLeast(1), FaultActive()])
def test_every_condition_can_be_said_in_a_file(condition: Condition) -> None:
    ((word, fields),) = condition.file_section().items()
    assert CONDITIONS[word](**fields) == condition
    assert str(condition).startswith(word)


async def test_two_runs_of_one_expectation_share_nothing() -> None:
    """One run breaks every check, and the other none."""
    parts: list[Any] = [
        Always("answers", NodesAnswer()),
        Eventually("grown", HeightAtLeast(1), within=slots(3)),
        Sometimes("grown at some time", HeightAtLeast(1)),
        NoStalls(slots=3),
    ]
    good, bad = WatchedRun("a"), WatchedRun("a")
    watched = {run: [await run.watched(part) for part in parts] for run in (good, bad)}
    good.show("a", CHAIN[:1])
    bad.silence("a")
    for run in (good, bad):
        run.pass_slots(3)
    good.show("a", CHAIN[:2])
    for run in (good, bad):
        run.pass_slots(1)
    assert [running.judge().required for running in watched[good]] == ["always", "within 3 slots", "once", "always"]
    for running in watched[bad]:
        with pytest.raises(ExpectationFailed):
            running.judge()
    assert not good.breaches()
    assert [breach.expectation for breach in bad.breaches()] == ["answers", "grown", "no_stalls"]


async def test_a_check_that_remembers_is_copied_for_each_run() -> None:
    class AtMostTwoLooks:
        def __init__(self) -> None:
            self.looks = 0

        def __call__(self, view: RunView) -> bool:
            self.looks += 1
            return self.looks <= 2

    part = Always("at most two", AtMostTwoLooks())
    for run in (WatchedRun("a"), WatchedRun("a")):
        watched = await run.watched(part)
        run.look()
        run.look()
        assert watched.judge().observed == "held at 2 looks"
