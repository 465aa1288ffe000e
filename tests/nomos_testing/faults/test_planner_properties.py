"""Whatever a schedule asks for, it is planned so that it can be done, or refused by the field."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nomos_testing.faults.errors import FaultPlanError
from nomos_testing.faults.plan import FaultPlan, PlannedFault
from nomos_testing.faults.planner import LAST_MOMENT, Frame, Request, check_plan, make_plan
from nomos_testing.faults.schedule import RandomRestarts
from support.inputs.fault_strategies import frames, planning_tasks, requests_of, restarts


def planned(task: tuple[list[Request], Frame]) -> FaultPlan | None:
    """None where the schedule is refused, which it may only be for one of its entries."""
    requests, frame = task
    refused: FaultPlanError | None = None
    plan = FaultPlan()
    try:
        plan = make_plan(requests, frame)
    except FaultPlanError as error:
        refused = error
    if refused is not None:
        assert refused.path[:2] in {request.path for request in requests}
        assert str(refused).startswith("faults.")
        event("refused")
        return None
    event(f"planned {min(len(plan), 5)} faults or more" if plan else "planned none")
    return plan


def at_once(left: PlannedFault, right: PlannedFault) -> bool:
    return left.inject_at <= right.heal_at and right.inject_at <= left.heal_at


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(planning_tasks())
def test_a_plan_can_be_carried_out(task: tuple[list[Request], Frame]) -> None:
    plan, frame = planned(task), task[1]
    for item in plan or ():
        assert 0 <= item.inject_at <= item.heal_at <= frame.run_seconds + 1e-6
        assert (item.lasting == 0) == item.fault.momentary
        assert item.fault.hit_nodes() <= set(frame.nodes), "nothing is left to be drawn"
        assert item.fault.hit_nodes() or item.fault.hit_links(frame.nodes), "it hits something"
    for left, right in combinations(plan or (), 2):
        assert not (at_once(left, right) and left.fault.excludes(right.fault, frame.nodes)), f"{left} beside {right}"
    assert [item.number for item in plan or ()] == list(range(1, len(plan or ()) + 1))
    assert sorted(item.inject_at for item in plan or ()) == [item.inject_at for item in plan or ()]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(planning_tasks())
def test_a_plan_is_accepted_when_it_comes_back_from_a_file(task: tuple[list[Request], Frame]) -> None:
    plan = planned(task)
    if plan is not None:
        check_plan(plan, task[1])
        assert FaultPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@settings(deadline=None)
@given(planning_tasks())
def test_the_same_seed_makes_the_same_plan(task: tuple[list[Request], Frame]) -> None:
    assert planned(task) == planned(task)


@settings(deadline=None)
@given(frames().flatmap(lambda frame: st.tuples(restarts(frame), st.just(frame))))
def test_restarted_nodes_are_left_alone_for_their_cooldown(case: tuple[RandomRestarts, Frame]) -> None:
    entry, frame = case
    plan = make_plan(requests_of([entry]), frame)
    last: dict[str, float] = {}
    for item in plan:
        (node,) = item.fault.hit_nodes()
        assert node in entry.targets
        assert node not in last or item.inject_at - last[node] >= entry.target_cooldown - 0.002
        last[node] = item.inject_at
        assert item.inject_at <= frame.run_seconds - LAST_MOMENT + 0.001
    if frame.run_seconds - LAST_MOMENT > entry.max_delay:
        assert plan
