"""The kind of each verdict: whose error it is, and whether the machine was overloaded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from nomos_testing.evidence.summary import summarise
from nomos_testing.failure import Failure
from nomos_testing.journal.events import NodeExited
from nomos_testing.journal.journal import read_journal
from nomos_testing.outcome import ExpectationFailed, VerdictKind
from nomos_testing.runtime.interfaces import RunContext
from nomos_testing.runtime.machine_load import MachineFellBehind
from support.fakes.run_bench import Bench, Expect, Load, MemoryNode, bench, forever, verdict_of

BEHIND = MachineFellBehind(
    seconds=5.0,
    slot_seconds=0.05,
    expected_blocks=90.0,
    blocks=70,
    machine_cpu=0.99,
    processors=2,
    nodes_cpu={"validator-0": 0.9},
    loop_delay_seconds=0.08,
)


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> MachineFellBehind:
    """A machine that is found not to keep up, with the network still moving."""
    _judge_machine(monkeypatch, BEHIND)
    return BEHIND


def _judge_machine(monkeypatch: pytest.MonkeyPatch, finding: MachineFellBehind) -> None:
    monkeypatch.setattr("nomos_testing.runtime.machine_watch.fell_behind", lambda *readings, **network: finding)


def journaled_kind(made: Bench) -> VerdictKind | None:
    return summarise(read_journal(made.directory.journal)).kind


def missed() -> Expect:
    return Expect("liveness", outcome=ExpectationFailed("too few blocks"))


async def test_passed_and_failed(tmp_path: Path) -> None:
    for expectations, kind in (([Expect("liveness")], VerdictKind.PASSED), ([missed()], VerdictKind.FAILED)):
        verdict, made = await verdict_of(tmp_path, expectations=expectations)
        assert (verdict.kind, journaled_kind(made)) == (kind, kind)


async def test_a_network_that_still_moves_on_an_overloaded_machine_is_slow_with_the_figures(
    tmp_path: Path, behind: MachineFellBehind
) -> None:
    verdict, made = await verdict_of(tmp_path, expectations=[missed()])
    assert (verdict.kind, journaled_kind(made)) == (VerdictKind.SLOW, VerdictKind.SLOW)
    assert verdict.outcome == "failed"
    assert str(behind) in str(verdict.failure)


async def test_a_run_that_passes_on_an_overloaded_machine_has_passed(tmp_path: Path, behind: MachineFellBehind) -> None:
    verdict, _ = await verdict_of(tmp_path, expectations=[Expect("liveness")])
    assert verdict.kind is VerdictKind.PASSED


async def test_a_network_that_stands_still_is_not_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _judge_machine(monkeypatch, replace(BEHIND, blocks=0))
    verdict, _ = await verdict_of(tmp_path, expectations=[missed()])
    assert verdict.kind is VerdictKind.FAILED


async def test_a_network_that_lost_a_node_is_not_slow(tmp_path: Path, behind: MachineFellBehind) -> None:
    async def lose_a_node(ctx: RunContext) -> None:
        ctx.journal().write(NodeExited(node="validator-0", status="killed by SIGKILL", expected=False))

    verdict, _ = await verdict_of(tmp_path, workloads=[Load("load", lose_a_node)], expectations=[missed()])
    assert verdict.kind is VerdictKind.FAILED


@pytest.mark.parametrize("part", ["workload", "expectation", "capture", "task"])
async def test_an_error_of_the_users_code_stays_one_on_an_overloaded_machine(
    tmp_path: Path, behind: MachineFellBehind, part: str
) -> None:
    async def bug(ctx: RunContext) -> None:
        raise KeyError("missing")

    async def spawns(ctx: RunContext) -> None:
        ctx.spawn(bug(ctx), name="watch of mine")
        await forever(ctx)

    verdict, made = await verdict_of(
        tmp_path,
        workloads={"workload": [Load("load", bug)], "task": [Load("load", spawns)]}.get(part, []),
        expectations={"expectation": [Expect("mine", on_evaluate=bug)], "capture": [Expect("mine", bug)]}.get(part, []),
        seconds=60.0 if part == "task" else 0.05,
    )
    assert (verdict.kind, journaled_kind(made)) == (VerdictKind.ERRORED_TEST, VerdictKind.ERRORED_TEST)


async def test_a_failure_that_a_workload_raises_is_no_error(tmp_path: Path) -> None:
    async def gives_up(ctx: RunContext) -> None:
        raise Failure("the network refuses every transaction")

    verdict, _ = await verdict_of(tmp_path, workloads=[Load("load", gives_up)])
    assert verdict.kind is VerdictKind.FAILED


async def test_an_error_of_the_framework_is_no_error_of_the_user(tmp_path: Path, behind: MachineFellBehind) -> None:
    node = MemoryNode()

    async def breaks_sampling(ctx: RunContext) -> None:
        node.raises["network_info"] = KeyError("a defect")

    expectations = [Expect("mine", on_evaluate=breaks_sampling)]
    verdict, made = await verdict_of(tmp_path, nodes=[node], expectations=expectations)
    assert (verdict.kind, journaled_kind(made)) == (VerdictKind.ERRORED_FRAMEWORK, VerdictKind.ERRORED_FRAMEWORK)


async def test_an_interrupted_run_is_neither(tmp_path: Path, behind: MachineFellBehind) -> None:
    made: list[Bench] = []
    loaded = asyncio.Event()

    async def load(ctx: RunContext) -> None:
        loaded.set()
        await forever(ctx)

    async def run() -> None:
        async with bench(tmp_path, workloads=[Load("load", load)], expectations=[missed()], seconds=60.0) as opened:
            made.append(opened)
            await opened.runner.run()

    task = asyncio.create_task(run())
    async with asyncio.timeout(30):
        await loaded.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journaled_kind(made[0]) is VerdictKind.INTERRUPTED
