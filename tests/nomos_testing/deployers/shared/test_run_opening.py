"""A network that does not come up: a defect of the framework is errored and keeps its traceback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.deployers.shared.errors import DeployError, LaunchError
from nomos_testing.deployers.shared.run_opening import OpenRun, opened_run
from nomos_testing.journal.events import ExceptionRaised, RunEnded
from nomos_testing.journal.journal import read_journal
from nomos_testing.runtime.background import BackgroundFailed
from nomos_testing.settings import Settings

BringUp = Callable[[OpenRun], Awaitable[None]]


async def _fail(
    directory: Path, bring_up: BringUp, raises: type[BaseException]
) -> tuple[RunEnded, list[ExceptionRaised]]:
    """Open a run, fail, and return how it ended and which tracebacks its journal has."""
    scenario = ScenarioBuilder.topology(validators=1).run_for(seconds=5).build()

    async def deploy() -> None:
        async with opened_run("x", scenario, Settings(), runs_directory=directory, listeners=()) as run:
            await bring_up(run)

    with pytest.raises(raises):
        await deploy()
    events = _journal_below(directory)
    assert isinstance(events[-1], RunEnded)
    return events[-1], [event for event in events if isinstance(event, ExceptionRaised)]


def _journal_below(directory: Path) -> list[Any]:
    (journal,) = directory.glob("*/journal.jsonl")
    return [entry.event for entry in read_journal(journal)]


def _raising(error: BaseException) -> BringUp:
    async def bring_up(run: OpenRun) -> None:
        raise error

    return bring_up


async def test_a_defect_is_errored_and_keeps_its_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ended, (raised,) = await _fail(tmp_path, _raising(KeyError("a defect")), KeyError)
    assert (ended.outcome, ended.detail) == ("errored", "KeyError: 'a defect'")
    assert raised.where == "the deployment"
    assert f'File "{__file__}", line ' in raised.traceback
    assert "the deployment raised KeyError: 'a defect'" in caplog.messages


async def test_an_observer_that_fails_meanwhile_is_named(tmp_path: Path) -> None:
    async def bring_up(run: OpenRun) -> None:
        async def observe() -> None:
            raise KeyError("a defect")

        run.background.watch(asyncio.create_task(observe(), name="ends of containers"))
        await run.background.guard(asyncio.Event().wait())

    ended, (raised,) = await _fail(tmp_path, bring_up, BackgroundFailed)
    assert ended.outcome == "errored"
    assert (raised.where, raised.error) == ("ends of containers", "KeyError: 'a defect'")
    assert raised.location is not None
    assert __file__ in raised.location
    assert "BackgroundFailed" not in raised.traceback


@pytest.mark.parametrize(
    ("error", "raises", "outcome"),
    [
        (LaunchError("no such program"), DeployError, "failed"),
        (NodeUnreachable("validator-0", "GET /a", "no answer"), NodeUnreachable, "failed"),
        (asyncio.CancelledError(), asyncio.CancelledError, "interrupted"),
    ],
    ids=["explained", "a failure", "interrupted"],
)
async def test_what_is_no_defect_has_no_traceback(
    tmp_path: Path, error: BaseException, raises: type[BaseException], outcome: str
) -> None:
    ended, raised = await _fail(tmp_path, _raising(error), raises)
    assert (ended.outcome, raised) == (outcome, [])
