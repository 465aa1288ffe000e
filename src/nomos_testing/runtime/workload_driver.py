"""Runs the workloads of a scenario side by side, for as long as the phases say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nomos_testing.failure import is_failure
from nomos_testing.journal.events import WorkloadEnded
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.errors import WorkloadFailed, described
from nomos_testing.runtime.interfaces import RunningWorkload
from nomos_testing.runtime.raised import note_exception


class WorkloadDriver:
    """Starts workloads, lets time pass and stops them. The first workload that fails ends the passing of time."""

    def __init__(self, workloads: Sequence[RunningWorkload], ctx: RunContext) -> None:
        self._workloads = workloads
        self._ctx = ctx
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._running = [asyncio.create_task(self._run(workload), name=workload.name) for workload in self._workloads]

    async def let_pass(self, seconds: float) -> None:
        """Wait, whether workloads still run or not.

        Raises:
            WorkloadFailed: at once, with the cause.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        pending = list(self._running)
        while (left := deadline - loop.time()) > 0:
            if not pending:
                await asyncio.sleep(left)
                return
            await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            # In the scenario's order: that of a set of tasks differs from run to run.
            for workload in pending:
                if workload.done():
                    workload.result()
            pending = [workload for workload in pending if not workload.done()]

    async def stop(self) -> None:
        """Cancel what still runs and wait for its end. Idempotent."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []

    async def _run(self, workload: RunningWorkload) -> None:
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
