"""A failing observer of the framework ends the run at once, in whatever phase it is, as an error of the framework."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.blocks.block_feed import BlockFeed, NewBlock
from nomos_testing.failure import Failure
from nomos_testing.journal.events import ExceptionRaised, PhaseEnded, RunEnded
from nomos_testing.outcome import Verdict
from nomos_testing.runtime import machine_watch
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.interfaces import RunContext
from support.fakes import run_bench
from support.fakes.fake_chain import fake_chain
from support.fakes.run_bench import Bench, Expect, Load, MemoryNode, RunBody, forever, verdict_of

LONG = 600.0
"""Seconds that a run lasts unless an observer ends it; the tests' own timeout is shorter."""


Break = Callable[[MemoryNode, RunContext, pytest.MonkeyPatch], None]


def _break_following(node: MemoryNode, ctx: RunContext, patch: pytest.MonkeyPatch) -> None:
    node.raises["consensus_info"] = KeyError("a defect")


def _break_a_listener(node: MemoryNode, ctx: RunContext, patch: pytest.MonkeyPatch) -> None:
    def listener(event: object) -> None:
        if isinstance(event, NewBlock):
            raise KeyError("a defect")

    ctx.block_feed().listen(listener)
    node.chain = fake_chain(1)


def _break_sampling(node: MemoryNode, ctx: RunContext, patch: pytest.MonkeyPatch) -> None:
    node.raises["network_info"] = KeyError("a defect")


def _break_the_watch_of_the_machine(node: MemoryNode, ctx: RunContext, patch: pytest.MonkeyPatch) -> None:
    def times() -> tuple[float, float]:
        raise KeyError("a defect")

    patch.setattr(machine_watch, "_machine_times", times)


def _break_a_control(node: MemoryNode, ctx: RunContext, patch: pytest.MonkeyPatch) -> None:
    async def control() -> None:
        raise KeyError("a defect")

    ctx._background.watch(asyncio.create_task(control(), name="watch of the relay"))


OBSERVERS: Mapping[str, tuple[str, Break]] = {
    "following a node": ("block feed of validator-0", _break_following),
    "a listener": ("block feed of validator-0", _break_a_listener),
    "sampling": ("sampling", _break_sampling),
    "a control": ("watch of the relay", _break_a_control),
}
"""By what breaks: the name of the task that fails, and how it is broken. They are there in every phase."""


def _in_phase(phase: str, body: RunBody) -> Mapping[str, Any]:
    """Options of a run in which ``body`` runs in this phase, which then lasts for ever."""

    async def stays(ctx: RunContext) -> None:
        await body(ctx)
        await forever(ctx)

    async def heals(ctx: RunContext) -> None:
        ctx.on_heal(lambda: stays(ctx))

    if phase == "run":
        return {"workloads": [Load("load", stays)], "seconds": LONG}
    part = {"capture": "on_capture", "heal": "on_capture", "evaluate": "on_evaluate"}[phase]
    parts: dict[str, Any] = {part: heals if phase == "heal" else stays}
    return {"expectations": [Expect("expectation", **parts)]}


async def _run_with(directory: Path, phase: str, break_it: Break, patch: pytest.MonkeyPatch) -> tuple[Verdict, Bench]:
    node = MemoryNode()

    async def body(ctx: RunContext) -> None:
        break_it(node, ctx, patch)

    return await verdict_of(directory, nodes=[node], **_in_phase(phase, body))


def _check(verdict: Verdict, made: Bench, task: str, phase: str) -> None:
    assert verdict.outcome == "errored"
    assert verdict.failure == f"framework failure: {task}: KeyError: 'a defect'"
    (raised,) = [event for event in made.events() if isinstance(event, ExceptionRaised)]
    assert raised.where == task
    assert raised.location is not None
    source = raised.location.partition(":")[0]
    assert source in {__file__, run_bench.__file__}
    assert f'File "{source}", line ' in raised.traceback
    ends = {event.phase: event.error for event in made.events() if isinstance(event, PhaseEnded)}
    assert ends[phase] == f"{task} failed"
    assert made.events()[-1] == RunEnded("errored", evidence=str(made.directory.path))


@pytest.mark.parametrize("phase", ["capture", "run", "heal", "evaluate"])
@pytest.mark.parametrize("observer", OBSERVERS)
async def test_an_observer_that_fails_ends_the_run_at_once(
    tmp_path: Path, observer: str, phase: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task, break_it = OBSERVERS[observer]
    verdict, made = await _run_with(tmp_path, phase, break_it, monkeypatch)
    _check(verdict, made, task, phase)
    assert f"{task} raised KeyError: 'a defect'" in caplog.messages


async def test_so_does_the_watch_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, made = await _run_with(tmp_path, "run", _break_the_watch_of_the_machine, monkeypatch)
    (raised,) = [event for event in made.events() if isinstance(event, ExceptionRaised)]
    assert raised.where == "watch of the machine"
    assert verdict.outcome == "errored"


async def test_a_failure_out_of_an_observer_is_an_error_and_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(node: MemoryNode, ctx: RunContext, patch: pytest.MonkeyPatch) -> None:
        node.raises["network_info"] = Failure("nobody expects this one here")

    verdict, made = await _run_with(tmp_path, "run", break_it, monkeypatch)
    assert verdict.outcome == "errored"
    (raised,) = [event for event in made.events() if isinstance(event, ExceptionRaised)]
    assert "nobody expects this one here" in raised.traceback


async def test_the_last_sample_may_fail_too(tmp_path: Path) -> None:
    node = MemoryNode()

    async def breaks_at_the_end(ctx: RunContext) -> None:
        node.raises["network_info"] = KeyError("a defect")

    verdict, _ = await verdict_of(tmp_path, nodes=[node], expectations=[Expect("one", on_evaluate=breaks_at_the_end)])
    assert (verdict.outcome, verdict.failure) == ("errored", "framework failure: sampling: KeyError: 'a defect'")


async def test_what_fails_before_the_run_begins_ends_it_as_well(tmp_path: Path) -> None:
    background = Background()

    async def fails() -> None:
        raise KeyError("a defect")

    task = asyncio.create_task(fails(), name="watch of the relay")
    background.watch(task)
    await asyncio.gather(task, return_exceptions=True)
    verdict, _ = await verdict_of(tmp_path, background=background, seconds=LONG)
    assert verdict.failure == "framework failure: watch of the relay: KeyError: 'a defect'"


async def test_what_fails_after_the_verdict_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()
    await background.close()

    async def fails() -> None:
        raise KeyError("a defect")

    task = asyncio.create_task(fails(), name="watch of the relay")
    background.watch(task)
    await asyncio.gather(task, return_exceptions=True)
    (record,) = caplog.records
    assert record.getMessage() == "watch of the relay failed after the run had ended or failed"
    assert record.exc_info is not None


async def test_a_feed_that_nobody_watches_raises_its_failure_when_it_is_closed() -> None:
    node = MemoryNode()
    feed = BlockFeed([node], poll_seconds=0.001)
    await feed.start()
    node.raises["consensus_info"] = KeyError("a defect")
    await asyncio.wait(feed._tasks)
    with pytest.raises(KeyError, match="a defect"):
        await feed.close()
