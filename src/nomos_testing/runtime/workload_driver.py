"""Runs the workloads of a scenario at the same time, while the phases last."""

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
    """Starts workloads, waits, and stops them. A workload that fails ends the waiting."""

    def __init__(self, workloads: Sequence[RunningWorkload], ctx: RunContext) -> None:
        self._workloads = workloads
        self._ctx = ctx
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._running = [asyncio.create_task(self._run(workload), name=workload.name) for workload in self._workloads]

    async def let_pass(self, seconds: float) -> None:
        """Wait for so many seconds, even if no workload runs any more.

        Raises:
            WorkloadFailed: a workload has failed.
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
        """Cancel the workloads that still run, and wait for their end. Idempotent."""
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
