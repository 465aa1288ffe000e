"""From the parts of a scenario to the objects of a run: who is copied, who begins, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from nomos_testing import Expectation, RunContext, RunPlan, ScenarioBuilder, ScenarioBuildError
from nomos_testing.expectations.conditions import HeightAtLeast
from nomos_testing.faults import slots
from nomos_testing.faults.vocabulary import Pause
from nomos_testing.runtime.specifications import RunningParts

NO_CONTEXT: Any = None


@dataclass(frozen=True)
class Spec:
    def begin(self, ctx: RunContext) -> Running:
        return Running(self)


@dataclass
class Running:
    spec: Spec


@dataclass
class Plain:
    refers_to: Any = None
    seen: list[int] = field(default_factory=list)


@dataclass
class Load:
    """A workload that computes something from the plan."""

    name: str = "load"
    holds: Any = None
    seconds: float = 0.0

    def expectations(self) -> Sequence[Expectation]:
        return ()

    def prepare(self, plan: RunPlan) -> None:
        self.seconds = plan.metrics.run_duration

    async def run(self, ctx: RunContext) -> None:
        """Nothing to do."""


def test_every_part_that_the_builder_makes_is_frozen() -> None:
    scenario = (
        ScenarioBuilder.topology(validators=2, executors=1)
        .wallets(20)
        .transactions()
        .data_availability()
        .restarts()
        .enable_node_control()
        .fault(Pause("validator-0"), at=slots(3), lasting=slots(1))
        .expect_consensus_liveness()
        .expect_no_conflicting_lib()
        .expect_no_stalls()
        .expect_recovery()
        .expect_inclusions_stay()
        .always("a", HeightAtLeast(0))
        .eventually("b", HeightAtLeast(0), within=slots(3))
        .sometimes("c", HeightAtLeast(0))
        .run_for(seconds=120)
        .build()
    )
    parts: list[Any] = [*scenario.workloads, *scenario.expectations]
    assert len(parts) == 4 + 3 + 8
    assert [part.name for part in parts if not is_frozen(part)] == []


def is_frozen(part: Any) -> bool:
    return bool(part.__dataclass_params__.frozen)


def test_each_run_begins_a_specification_once() -> None:
    spec, parts = Spec(), RunningParts(NO_CONTEXT)
    running = parts.of(spec)
    assert running == Running(spec)
    assert parts.of(spec) is running
    assert RunningParts(NO_CONTEXT).of(spec) is not running


def test_equal_specifications_are_two() -> None:
    parts = RunningParts(NO_CONTEXT)
    assert parts.of(Spec()) is not parts.of(Spec())


def test_a_copy_refers_to_the_copies_of_the_same_run() -> None:
    load = Plain()
    check, parts = Plain(refers_to=load), RunningParts(NO_CONTEXT)
    parts.of(check).refers_to.seen.append(1)
    assert parts.of(load).seen == [1]
    assert load.seen == []


def test_a_copy_refers_to_what_a_specification_began() -> None:
    spec, parts = Spec(), RunningParts(NO_CONTEXT)
    running = parts.of(spec)
    assert parts.of(Plain(refers_to=spec)).refers_to is running


def test_begin_must_return_an_object() -> None:
    class Forgetful:
        def begin(self, ctx: RunContext) -> None:
            """Returns nothing."""

    with pytest.raises(TypeError, match=r"Forgetful.begin\(ctx\) must return the object that runs; it returned None"):
        RunningParts(NO_CONTEXT).of(Forgetful())


def test_a_builder_that_builds_twice_gives_each_scenario_its_own_parts() -> None:
    load = Load()
    builder = ScenarioBuilder.topology(validators=1).with_workload(load)
    scenarios = [builder.run_for(seconds=seconds).build() for seconds in (30, 60)]
    prepared: list[Any] = [scenario.workloads[0] for scenario in scenarios]
    assert [workload.seconds for workload in prepared] == [30, 60]
    assert load.seconds == 0


def test_what_cannot_be_copied_is_refused_with_a_remedy() -> None:
    builder = ScenarioBuilder.topology(validators=1).with_workload(Load(holds=threading.Lock())).run_for(seconds=30)
    with pytest.raises(ScenarioBuildError) as refused:
        builder.build()
    assert str(refused.value) == (
        "'load': it cannot be copied for a run (TypeError: cannot pickle '_thread.lock' object): make what cannot be "
        "copied in run or capture, or add a method begin(self, ctx) that returns the object that runs "
        "(self, if all runs may share it)"
    )


def test_what_begins_may_hold_anything() -> None:
    class Shared(Load):
        def begin(self, ctx: RunContext) -> Load:
            return self

    shared = Shared(holds=threading.Lock())
    scenario = ScenarioBuilder.topology(validators=1).with_workload(shared).run_for(seconds=30).build()
    assert scenario.workloads[0] is shared
    assert RunningParts(NO_CONTEXT).of(shared) is shared
