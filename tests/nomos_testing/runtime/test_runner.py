"""The runner's phases over a cluster that exists in memory only: order, texts, and who ends what."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nomos_core.proofs.prover import ProofError
from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.compose.errors import CommandFailed
from nomos_testing.failure import Failure
from nomos_testing.journal.events import (
    ExceptionRaised,
    ExpectationJudged,
    PhaseEnded,
    RunEnded,
    VerdictReached,
    WorkloadEnded,
)
from nomos_testing.journal.journal import read_journal
from nomos_testing.observability.prometheus import MetricsError
from nomos_testing.outcome import ExpectationFailed, Judgement
from nomos_testing.runtime.interfaces import Observation, RunContext, Workload
from nomos_testing.runtime.machine_load import MachineFellBehind, MachineReading
from nomos_testing.waiting.waiting import WaitTimeout
from nomos_testing.workloads.blobs.channels import DispersalFailed
from support.fakes import run_bench
from support.fakes.run_bench import Bench, Expect, Load, RunBody, bench, forever, verdict_of


async def test_phases_come_in_order_and_are_timed(tmp_path: Path) -> None:
    verdict, made = await verdict_of(tmp_path, workloads=[Load()], expectations=[Expect("one")])
    assert verdict.passed
    assert made.phases() == ["capture", "run", "cooldown", "settle", "evaluate", "teardown"]
    assert [timing.name for timing in verdict.phases] == made.phases()[:-1]
    lengths = {timing.name: timing.seconds for timing in verdict.phases}
    assert lengths["run"] >= 0.05
    assert lengths["cooldown"] >= 5 * 0.009
    assert made.closed == ["network"]


@pytest.mark.parametrize("workloads", [[], [Load()]])
async def test_a_run_lasts_its_duration_whatever_the_workloads_do(tmp_path: Path, workloads: list[Workload]) -> None:
    verdict, _ = await verdict_of(tmp_path, workloads=workloads, seconds=0.2)
    (run,) = [timing for timing in verdict.phases if timing.name == "run"]
    assert 0.2 <= run.seconds < 2.0


async def test_a_failing_workload_ends_the_run_at_once(tmp_path: Path) -> None:
    async def fails(ctx: RunContext) -> None:
        raise Failure("no node took the transaction")

    judged = Expect("never judged")
    started = time.monotonic()
    verdict, made = await verdict_of(
        tmp_path, workloads=[Load("tx", fails), Load("other", forever)], expectations=[judged], seconds=60
    )
    assert time.monotonic() - started < 5
    assert verdict.failure == "workload failure: tx: no node took the transaction"
    assert not judged.evaluated
    outcomes = {event.workload: event.outcome for event in made.events() if isinstance(event, WorkloadEnded)}
    assert outcomes == {"tx": "failed", "other": "stopped"}


async def test_of_workloads_that_fail_at_once_the_first_of_the_scenario_is_told(tmp_path: Path) -> None:
    now = asyncio.Event()

    async def fails(ctx: RunContext) -> None:
        await now.wait()
        raise Failure("no node took the transaction")

    async def lets_fail(ctx: RunContext) -> None:
        now.set()
        await forever(ctx)

    told = set()
    for attempt in range(20):
        now.clear()
        loads = [Load(name, fails) for name in ("first", "second", "third")]
        verdict, _ = await verdict_of(tmp_path / str(attempt), workloads=[*loads, Load("other", lets_fail)], seconds=60)
        told.add(verdict.failure)
    assert told == {"workload failure: first: no node took the transaction"}


async def test_a_workload_that_fails_in_the_cooldown_fails_the_run(tmp_path: Path) -> None:
    async def fails_late(ctx: RunContext) -> None:
        await asyncio.sleep(ctx.run_duration() + 0.01)
        raise Failure("late")

    verdict, made = await verdict_of(tmp_path, workloads=[Load("tx", fails_late)])
    assert verdict.failure == "workload failure: tx: late"
    assert made.phases()[-2:] == ["cooldown", "teardown"]


async def test_an_expectation_that_cannot_capture_ends_the_run_before_any_workload(tmp_path: Path) -> None:
    async def fails(ctx: RunContext) -> None:
        raise Failure("no accounts")

    ran: list[str] = []

    async def runs(ctx: RunContext) -> None:
        ran.append("ran")

    verdict, _ = await verdict_of(tmp_path, workloads=[Load(body=runs)], expectations=[Expect("inclusion", fails)])
    assert verdict.failure == "expectation capture failed: inclusion: no accounts"
    assert not ran


async def test_what_watches_beside_the_workloads_may_fail_the_run(tmp_path: Path) -> None:
    async def watch() -> None:
        raise Failure("lost sight")

    async def capture(ctx: RunContext) -> None:
        ctx.spawn(watch(), name="watch")

    verdict, _ = await verdict_of(tmp_path, expectations=[Expect("watching", capture)], seconds=60)
    assert verdict.failure == "expectation capture failed: lost sight"


async def test_every_expectation_is_judged_and_all_failures_are_named(tmp_path: Path) -> None:
    expectations = [
        Expect("first", outcome=ExpectationFailed("3 below 5", observed=3, required=5, evidence=["block 7"])),
        Expect("second", outcome=Observation(9, 5)),
        Expect("third", outcome=Failure("no answer")),
        Expect("fourth"),
    ]
    verdict, made = await verdict_of(tmp_path, expectations=expectations)
    assert verdict.failure == "expectations failed:\nfirst: 3 below 5\nthird: no answer"
    assert verdict.judgements == (
        Judgement("first", False, 3, 5, "3 below 5", ("block 7",)),
        Judgement("second", True, 9, 5),
        Judgement("third", False, message="no answer"),
        Judgement("fourth", True),
    )
    judged = [event for event in made.events() if isinstance(event, ExpectationJudged)]
    assert judged[0].evidence == ("block 7",)


Part = Callable[[Exception], Mapping[str, Any]]
"""What makes the runner meet an error: the options of a bench."""


def _raising(error: Exception) -> RunBody:
    async def body(ctx: RunContext) -> None:
        raise error

    return body


def _beside(error: Exception) -> RunBody:
    async def body(ctx: RunContext) -> None:
        async def watch() -> None:
            raise error

        ctx.spawn(watch(), name="watch of one")

    return body


def _healing(error: Exception) -> RunBody:
    async def heal() -> None:
        raise error

    async def body(ctx: RunContext) -> None:
        ctx.on_heal(heal)

    return body


PARTS: Mapping[str, Part] = {
    "workload load": lambda error: {"workloads": [Load(body=_raising(error))]},
    "expectation one": lambda error: {"expectations": [Expect("one", outcome=error)]},
    "expectation two": lambda error: {"expectations": [Expect("two", _raising(error))]},
    "watch of one": lambda error: {"expectations": [Expect("one", _beside(error))], "seconds": 60},
    "a healer": lambda error: {"expectations": [Expect("one", _healing(error))]},
}


def raised_in(made: Bench) -> list[ExceptionRaised]:
    return [event for event in made.events() if isinstance(event, ExceptionRaised)]


@pytest.mark.parametrize("where", PARTS)
async def test_a_bug_of_the_tests_code_makes_the_run_errored_and_keeps_its_traceback(
    tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    verdict, made = await verdict_of(tmp_path, **PARTS[where](KeyError("missing")))
    assert (verdict.passed, verdict.errored, verdict.outcome) == (False, True, "errored")
    assert verdict.failure is not None
    assert "KeyError: 'missing'" in verdict.failure
    (raised,) = raised_in(made)
    assert (raised.where, raised.error) == (where, "KeyError: 'missing'")
    assert raised.location is not None
    source = raised.location.partition(":")[0]
    assert source in {__file__, run_bench.__file__}
    assert f'File "{source}", line ' in raised.traceback
    assert made.events()[-1] == RunEnded("errored", evidence=str(made.directory.path))
    assert [event for event in made.events() if isinstance(event, VerdictReached)] == [
        VerdictReached(False, verdict.failure, True, "errored (user's code)")
    ]
    (record,) = caplog.records
    assert record.getMessage() == f"{where} raised KeyError: 'missing'"
    assert record.exc_info is not None
    assert (made.directory.path / "validator-0" / "db").exists()


@pytest.mark.parametrize("where", PARTS)
@pytest.mark.parametrize(
    "failure",
    [
        Failure("as the code means it"),
        ExpectationFailed("3 below 5"),
        NodeUnreachable("validator-0", "GET /a", "no answer within 5 s"),
        NodeControlError("there is no validator 9"),
        WaitTimeout("a block", 3.0, "height 7"),
        DispersalFailed("blob 1 was not dispersed"),
        MetricsError("prometheus is gone"),
        CommandFailed("docker exec", "ended with 1", "no such container"),
        ProofError("no witness"),
        ExceptionGroup("two at once", [Failure("one"), ExceptionGroup("more", [Failure("two")])]),
    ],
    ids=repr,
)
async def test_a_failure_makes_the_run_failed_and_needs_no_traceback(
    tmp_path: Path, where: str, failure: Exception
) -> None:
    verdict, made = await verdict_of(tmp_path, **PARTS[where](failure))
    assert verdict.outcome == "failed"
    assert raised_in(made) == []
    assert made.events()[-1].outcome == "failed"


@pytest.mark.parametrize("where", PARTS)
async def test_a_group_with_one_bug_in_it_makes_the_run_errored(tmp_path: Path, where: str) -> None:
    group = ExceptionGroup("two at once", [Failure("no answer"), ExceptionGroup("more", [TypeError("bug")])])
    verdict, made = await verdict_of(tmp_path, **PARTS[where](group))
    assert verdict.outcome == "errored"
    assert "TypeError: bug" in raised_in(made)[0].traceback


async def test_an_assertion_is_a_failure_whose_traceback_is_kept(tmp_path: Path) -> None:
    verdict, made = await verdict_of(tmp_path, expectations=[Expect("one", outcome=AssertionError())])
    assert verdict.outcome == "failed"
    assert "AssertionError" in raised_in(made)[0].traceback


async def test_an_expectation_with_a_bug_is_errored_and_the_others_are_judged(tmp_path: Path) -> None:
    expectations = [Expect("bug", outcome=KeyError("x")), Expect("no", outcome=ExpectationFailed("no")), Expect("yes")]
    verdict, made = await verdict_of(tmp_path, expectations=expectations)
    assert verdict.outcome == "errored"
    judged = [event for event in made.events() if isinstance(event, ExpectationJudged)]
    assert [(event.passed, event.errored) for event in judged] == [(False, True), (False, False), (True, False)]


async def test_an_observation_that_is_no_json_is_judged_all_the_same(tmp_path: Path) -> None:
    verdict, _ = await verdict_of(tmp_path, expectations=[Expect("odd", outcome=Observation({Path("/a"): b"x"}, {1}))])
    assert verdict.passed


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(ExpectationFailed("97 below 106"), True), (KeyError("bug"), False)],
    ids=["failed", "errored"],
)
async def test_a_machine_that_fell_behind_is_part_of_why_a_run_failed(
    tmp_path: Path, outcome: Exception, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path, expectations=[Expect("liveness", outcome=outcome)]) as made:
        behind = MachineFellBehind(
            seconds=6.0,
            slot_seconds=0.05,
            expected_blocks=108.0,
            blocks=44,
            machine_cpu=0.97,
            processors=2,
            nodes_cpu={},
            loop_delay_seconds=0.4855,
        )
        monkeypatch.setattr("nomos_testing.runtime.machine_watch.fell_behind", lambda *readings, **network: behind)
        verdict = await made.runner.run()
    assert verdict.failure is not None
    assert ("\nthis machine does not keep up with slots of 0.05 s: in 6 s" in verdict.failure) is told


async def test_the_machine_is_read_while_a_run_lasts_and_no_longer(tmp_path: Path) -> None:
    _, made = await verdict_of(tmp_path, workloads=[Load()])
    events = made.events()
    readings = [position for position, event in enumerate(events) if isinstance(event, MachineReading)]
    ends = {event.phase: position for position, event in enumerate(events) if isinstance(event, PhaseEnded)}
    assert readings
    assert ends["capture"] < readings[0]
    assert readings[-1] < ends["cooldown"]


async def test_workloads_run_on_through_the_cooldown_and_are_stopped_then(tmp_path: Path) -> None:
    verdict, made = await verdict_of(tmp_path, workloads=[Load(body=forever)])
    assert verdict.passed
    assert [event for event in made.events() if isinstance(event, WorkloadEnded)] == [WorkloadEnded("load", "stopped")]


@pytest.mark.parametrize("node_control", [False, True])
async def test_nodes_are_healed_where_the_run_may_control_them(tmp_path: Path, node_control: bool) -> None:
    _, made = await verdict_of(tmp_path, node_control=node_control)
    assert made.cluster.control.healed == node_control
    assert ("heal" in made.phases()) is node_control


async def test_success_keeps_the_journal_only_and_failure_keeps_all(tmp_path: Path) -> None:
    _, passed = await verdict_of(tmp_path)
    assert not (passed.directory.path / "validator-0" / "db").exists()
    _, failed = await verdict_of(tmp_path, expectations=[Expect("no", outcome=ExpectationFailed("no"))])
    assert (failed.directory.path / "validator-0" / "db").exists()
    assert passed.events()[-1] == RunEnded("passed")
    assert failed.events()[-1] == RunEnded("failed", evidence=str(failed.directory.path))


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (AssertionError("the test's own check"), "failed", "AssertionError: the test's own check"),
        (Failure("no answer"), "failed", "no answer"),
        (KeyError("missing"), "errored", "KeyError: 'missing'"),
    ],
)
async def test_a_test_that_raises_around_a_passed_run_keeps_its_evidence(
    tmp_path: Path, error: Exception, outcome: str, detail: str
) -> None:
    made: Bench | None = None
    with suppress(type(error)):
        async with bench(tmp_path) as made:
            await made.runner.run()
            raise error
    assert made is not None
    assert made.events()[-1] == RunEnded(outcome, detail, str(made.directory.path))
    assert (made.directory.path / "validator-0" / "db").exists()


async def test_all_healers_that_fail_are_named(tmp_path: Path) -> None:
    async def capture(ctx: RunContext) -> None:
        await _healing(Failure("the clock is off"))(ctx)
        await _healing(Failure("the disk is full"))(ctx)

    verdict, _ = await verdict_of(tmp_path, expectations=[Expect("one", capture)])
    assert verdict.outcome == "failed"
    assert verdict.failure == "healing failed: the clock is off; the disk is full"


async def test_an_interrupted_run_is_torn_down_without_a_verdict(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def starts(ctx: RunContext) -> None:
        started.set()
        await forever(ctx)

    closed: list[str] = []

    async def run() -> None:
        async with bench(tmp_path, workloads=[Load(body=starts)], seconds=600) as made:
            made.runner._deployment.resources.callback(closed.append, "interrupted")
            await made.runner.run()

    running = asyncio.create_task(run())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert closed == ["interrupted"]
    last = journals_below(tmp_path)[-1]
    assert (last.outcome, last.detail) == ("interrupted", "CancelledError")


def journals_below(directory: Path) -> list[Any]:
    return [entry.event for path in directory.glob("*/journal.jsonl") for entry in read_journal(path)]


async def test_random_choices_follow_from_the_seed(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        ctx = made.runner.context
        assert ctx.random("nemesis").random() == ctx.random("nemesis").random()
        assert ctx.random("nemesis").random() != ctx.random("workload").random()
        assert ctx.random("nemesis").random() == random.Random("7/nemesis").random()
