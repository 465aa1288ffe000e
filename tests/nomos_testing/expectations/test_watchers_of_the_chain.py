"""The expectations under faults that come with the framework: each holds, and each can fail and say where."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nomos_core.cryptarchia.block import Block
from nomos_testing.expectations.inclusion_permanence import InclusionsStay
from nomos_testing.expectations.no_stalls import NoStalls
from nomos_testing.expectations.recovery import RecoversFromFaults
from nomos_testing.expectations.safety import NoConflictingLib
from nomos_testing.faults import seconds, slots
from nomos_testing.outcome import ExpectationFailed
from nomos_testing.topology import WalletSpec
from nomos_testing.waiting.machine import Patience
from support.fakes.fake_chain import fake_chain
from support.fakes.watched_run import WatchedRun, with_transactions

TRUNK = fake_chain(4)


def branch(length: int, number: int, *, after: int = 4) -> list[Block]:
    """The trunk up to a height, then blocks of a branch's own."""
    parent = TRUNK[after - 1]
    return [*TRUNK[:after], *fake_chain(length, parent=parent.id, first_slot=after + 1, branch=number)]


def refusal(expectation: Any) -> ExpectationFailed:
    with pytest.raises(ExpectationFailed) as caught:
        expectation.judge()
    return caught.value


# --- safety ---


async def test_libs_on_one_chain_are_safe_however_far_apart() -> None:
    run, chain = WatchedRun("a", "b", "c"), branch(6, 1)
    safety = await run.watched(NoConflictingLib())
    run.show("a", chain, lib=chain[8].id)
    run.show("b", chain, lib=chain[1].id)
    run.show("c", branch(9, 2, after=2), lib=chain[1].id)
    run.show("b", chain, lib=chain[9].id)
    assert safety.judge().observed == "one chain up to LIB 10"


async def test_conflicting_libs_of_two_nodes_are_told_with_the_block_at_which_they_part() -> None:
    run, left, right = WatchedRun("a", "b"), branch(6, 1), branch(7, 2)
    safety = await run.watched(NoConflictingLib())
    run.show("a", left, lib=left[5].id)
    run.show("b", right, lib=TRUNK[3].id)
    safety.judge()
    run.pass_slots(3)
    run.show("b", right, lib=right[6].id)
    run.pass_slots(3)
    conflict = (
        f"conflicting LIB at height 5: b has finalized {right[4].id.hex()[:16]} of slot 5, "
        f"a {left[4].id.hex()[:16]} of slot 5; "
        f"the last block they share is {TRUNK[3].id.hex()[:16]} at height 4"
    )
    assert conflict in str(refusal(safety))
    assert [breach.description for breach in run.breaches()] == [conflict], "told once, when it was seen"


async def test_a_node_that_takes_back_its_own_lib_is_told() -> None:
    run, left, right = WatchedRun("a"), branch(6, 1), branch(7, 2)
    safety = await run.watched(NoConflictingLib())
    run.show("a", left, lib=left[5].id)
    run.show("a", right, lib=right[5].id)
    assert "conflicting LIB at height 5: a has finalized" in str(refusal(safety))


# --- stalls ---


async def test_a_tip_that_does_not_move_is_a_stall() -> None:
    run = WatchedRun("a", "b")
    stalls = await run.watched(NoStalls(slots=10))
    for height in range(1, 16):
        run.show("a", branch(15, 1)[:height])
        run.pass_slots(1)
    assert "b has shown no new block for 11 slots" in str(refusal(stalls))
    assert "a has shown" not in str(refusal(stalls))


async def test_a_stall_says_since_when_and_how_long_a_tip_may_stand_still() -> None:
    run = WatchedRun("a")
    stalls = await run.watched(NoStalls(slots=10))
    run.pass_slots(5)
    run.show("a", TRUNK[:1])
    run.pass_slots(11)
    assert "a has shown no new block for 11 slots, since slot 5 (at most 10 allowed)" in str(refusal(stalls))


async def test_by_default_the_lottery_and_the_machine_set_the_limit() -> None:
    slow = Patience(machine_factor=2.0)
    run = WatchedRun("a", "b", wallet=WalletSpec(total=10_000, users=100), patience=slow)
    stalls = await run.watched(NoStalls())
    run.look()
    run.pass_slots(20)
    stalls.judge()
    run.pass_slots(1)
    assert "no new block for 21 slots, since slot 0 (at most 20 allowed)" in str(refusal(stalls))


async def test_spent_notes_make_the_limit_longer() -> None:
    run = WatchedRun("a", "b", wallet=WalletSpec(total=10_000, users=100))
    stalls = await run.watched(NoStalls())
    run.show("a", with_transactions(TRUNK[:1], {0: 1}, inputs=100))
    run.show("b", with_transactions(TRUNK[:1], {0: 1}, inputs=100))
    run.pass_slots(20)
    stalls.judge()


async def test_tips_that_move_in_time_do_not_stall() -> None:
    run = WatchedRun("a")
    stalls = await run.watched(NoStalls(slots=10))
    for height in range(1, 4):
        run.pass_slots(9)
        run.show("a", TRUNK[:height])
    assert stalls.judge().observed == "9.0 slots at most"


async def test_nothing_stalls_while_a_fault_is_there_and_the_count_starts_with_the_heal() -> None:
    run = WatchedRun("a")
    stalls = await run.watched(NoStalls(slots=10))
    run.pass_slots(5)
    fault = run.inject()
    run.pass_slots(50)
    run.heal(fault)
    run.pass_slots(9)
    stalls.judge()
    run.pass_slots(2)
    assert "a has shown no new block for 11 slots" in str(refusal(stalls))


# --- recovery ---


async def test_a_late_recovery_fails_as_soon_as_it_is_late() -> None:
    run = WatchedRun("a")
    recovery = await run.watched(RecoversFromFaults(within=slots(10)))
    fault = run.inject()
    run.heal(fault)
    run.pass_slots(9)
    assert run.breaches() == []
    run.pass_slots(2)
    (breach,) = run.breaches()
    assert breach.description == "fault 1 (kill a) was healed 11 slots ago and nodes are still behind"
    run.recover(fault)
    assert breach.description in str(refusal(recovery))


async def test_recoveries_in_time_pass_with_the_slowest_of_them() -> None:
    run = WatchedRun("a")
    recovery = await run.watched(RecoversFromFaults(within=slots(10)))
    assert recovery.judge().observed == "no faults"
    for number, length in ((1, 3), (2, 7)):
        fault = run.inject(number)
        run.heal(fault)
        run.pass_slots(length)
        run.recover(fault)
    assert recovery.judge().observed == "7.0 slots at most, 2 faults"


async def test_beside_another_fault_a_recovery_may_be_late_but_must_come() -> None:
    run = WatchedRun("a", "b")
    recovery = await run.watched(RecoversFromFaults(within=slots(10)))
    first, second = run.inject(1), run.inject(2)
    run.heal(first)
    run.pass_slots(30)
    run.heal(second)
    run.recover(second)
    assert run.breaches() == []
    failed = refusal(recovery)
    assert str(failed) == "the network did not recover from fault 1 (kill a)"
    assert failed.observed == "1 of 2 faults without recovery"
    run.recover(first)
    recovery.judge()


async def test_a_recovery_that_still_has_time_at_the_end_is_waited_for() -> None:
    run = WatchedRun("a")
    context: Any = run
    recovery = await run.watched(RecoversFromFaults(within=seconds(60)))
    fault = run.inject()
    run.heal(fault)
    asyncio.get_running_loop().call_later(0.1, run.recover, fault)
    assert (await recovery.evaluate(context)).required == "within 60 slots"
    hopeless = await run.watched(RecoversFromFaults(within=seconds(0.2)))
    run.heal(run.inject(2))
    with pytest.raises(ExpectationFailed, match=r"the network did not recover from fault 2 \(kill a\)|did not hold"):
        await hopeless.evaluate(context)


# --- inclusions ---


async def test_a_transaction_that_leaves_the_shared_chain_after_a_recovery_is_told() -> None:
    run = WatchedRun("a", "b")
    inclusions = await run.watched(InclusionsStay())
    chain = with_transactions(branch(2, 1), {1: 7, 4: 8})
    run.show("a", chain)
    run.show("b", chain)
    fault = run.inject()
    run.heal(fault)
    run.recover(fault)
    assert inclusions.judge().observed == "2 stayed, 0 lost with abandoned branches"
    other = branch(9, 2)
    run.show("a", [*chain[:4], *other[4:]])
    run.show("b", [*chain[:4], *other[4:]])
    failed = refusal(inclusions)
    assert (failed.observed, failed.required) == (1, 2)
    assert f"was in block {chain[4].id.hex()} at height 5 after the recovery from fault 1 (kill a)" in str(failed)


@pytest.mark.parametrize("recovered", [True, False])
async def test_what_only_one_side_had_is_counted_and_not_held_against_the_network(recovered: bool) -> None:
    run = WatchedRun("a", "b")
    inclusions = await run.watched(InclusionsStay())
    left = with_transactions(branch(3, 1), {0: 7, 5: 9})
    run.show("a", left)
    run.show("b", left[:4])
    fault = run.inject()
    run.heal(fault)
    if recovered:
        run.recover(fault)
    run.show("a", [*left[:4], *branch(9, 2)[4:]])
    shared = 1 if recovered else 0
    assert inclusions.judge().observed == f"{shared} stayed, 1 lost with abandoned branches"


# --- numbers ---


@pytest.mark.parametrize(
    ("expectation", "complaint"),
    [
        (lambda: NoStalls(slots=0), "slots: expected above 0, got 0"),
        (lambda: NoStalls(slots=float("nan")), "slots: expected above 0"),
        (lambda: RecoversFromFaults(within=slots(-1)), "within: expected above 0, got -1 slots"),
    ],
)
def test_numbers_out_of_range_are_refused(expectation: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        expectation().prepare(None)
