"""Runs the workloads of a scenario side by side, for as long as the phases say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nomos_testing.failure import is_failure
from nomos_testing.journal.events import WorkloadEnded
from nomos_testing.runtime.background import Background, FailedTask
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.errors import WatchFailed, WorkloadFailed, described
from nomos_testing.runtime.interfaces import Workload
from nomos_testing.runtime.raised import note_exception


class WorkloadDriver:
    """Start, let time pass, stop. The first workload or watch that fails ends the passing of time."""

    def __init__(self, workloads: Sequence[Workload], ctx: RunContext, background: Background) -> None:
        self._workloads = workloads
        self._ctx = ctx
        self._background = background
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._running = [asyncio.create_task(self._run(workload), name=workload.name) for workload in self._workloads]

    async def let_pass(self, seconds: float) -> None:
        """Wait, whether workloads still run or not.

        Raises:
            WorkloadFailed, WatchFailed: at once, with the cause.
        """
        deadline = time.monotonic() + seconds
        watch = asyncio.create_task(self._background.first_failure(), name="watch for failures")
        pending: set[asyncio.Task[None] | asyncio.Task[FailedTask]] = {watch, *self._running}
        try:
            while (left := deadline - time.monotonic()) > 0:
                done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if watch in done:
                    failed = watch.result()
                    note_exception(self._ctx.journal(), failed.name, failed.error)
                    raise WatchFailed(failed.error) from failed.error
                for workload in done:
                    workload.result()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def stop(self) -> None:
        """Cancel what still runs and wait for its end. Idempotent."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []

    async def _run(self, workload: Workload) -> None:
        journal = self._ctx.journal()
        try:
            await workload.run(self._ctx)
        except asyncio.CancelledError:
            journal.write(WorkloadEnded(workload.name, "stopped"))
            raise
        except Exception as error:
            note_exception(journal, f"workload {workload.name}", error)
            journal.write(WorkloadEnded(workload.name, "failed" if is_failure(error) else "errored", described(error)))
            raise WorkloadFailed(workload.name, error) from error
        journal.write(WorkloadEnded(workload.name, "finished"))
