"""A signal ends every run of the process in order, also where several run at the same time."""

from __future__ import annotations

import asyncio
import os
import signal

from nomos_testing.runtime.errors import Interrupted
from nomos_testing.runtime.signals import stopped_by_signals


async def run_until_stopped(started: asyncio.Event) -> str:
    try:
        with stopped_by_signals():
            started.set()
            await asyncio.Event().wait()
    except Interrupted as interrupted:
        return str(interrupted)
    raise AssertionError("it was not stopped")


async def test_a_signal_ends_all_runs_of_the_process() -> None:
    started = [asyncio.Event(), asyncio.Event()]
    runs = [asyncio.create_task(run_until_stopped(event)) for event in started]
    for event in started:
        await event.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await asyncio.gather(*runs) == ["interrupted by SIGTERM"] * 2


async def test_a_run_that_has_ended_leaves_the_others_interruptible() -> None:
    started = asyncio.Event()
    running = asyncio.create_task(run_until_stopped(started))
    await started.wait()
    with stopped_by_signals():
        """A second run that ends at once."""
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(10):
        assert await running == "interrupted by SIGHUP"


async def test_after_the_last_run_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
