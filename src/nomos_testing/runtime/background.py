"""Work that goes on beside the workloads until the verdict, such as an expectation's watching."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FailedTask:
    name: str
    error: BaseException


class Background:
    """Tasks whose failure is the run's failure, and which end with the run."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[FailedTask] | None = None

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._note)
        return task

    async def first_failure(self) -> FailedTask:
        """Return when a task has failed."""
        return await asyncio.shield(self._failed())

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._failure is not None:
            self._failure.cancel()

    def _failed(self) -> asyncio.Future[FailedTask]:
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
        return self._failure

    def _note(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        failure = self._failed()
        if error is not None and not failure.done():
            failure.set_result(FailedTask(task.get_name(), error))
