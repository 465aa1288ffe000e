"""Tasks beside the workloads: those of expectations, and the observers of the framework.

If one of them fails, the run ends at once, in any phase.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
WatchTask = Callable[[asyncio.Task[None]], None]
"""Called with a task of the framework, to notice its failure."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FailedTask:
    name: str
    error: BaseException
    of_framework: bool
    """The task belongs to the framework, not to a workload or an expectation."""


class BackgroundFailed(Exception):
    """A task failed. ``task`` says which, and why."""

    def __init__(self, task: FailedTask) -> None:
        super().__init__(f"{task.name} failed")
        self.task = task


def log_failure(task: asyncio.Task[None]) -> None:
    """Watch a task that belongs to no run: log its failure."""

    def note(done: asyncio.Task[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            _log.error("%s failed", done.get_name(), exc_info=error)

    task.add_done_callback(note)


class Background:
    """The tasks beside the workloads of one run."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}
        """In the order of their start, so that they also end in this order."""
        self._failure: FailedTask | None = None
        self._failed = asyncio.Event()
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str, of_framework: bool = False) -> asyncio.Task[None]:
        """Start a task that ends with the run. Its failure is the run's failure."""
        task = asyncio.create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        task.add_done_callback(lambda done: self._note(done, of_framework))
        return task

    def watch(self, task: asyncio.Task[None]) -> None:
        """Watch a task of the framework: its failure is the run's failure. The code that started it also ends it."""
        task.add_done_callback(lambda done: self._note(done, of_framework=True))

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` until it ends or a task fails.

        Raises:
            BackgroundFailed: a task has failed, before or during the work. ``work`` was cancelled and has ended.
        """
        working = asyncio.ensure_future(work)
        failing = asyncio.create_task(self._failed.wait(), name="watch for failures")
        try:
            await asyncio.wait({working, failing}, return_when=asyncio.FIRST_COMPLETED)
            if self._failure is not None and not working.done():
                working.cancel(str(BackgroundFailed(self._failure)))
        except asyncio.CancelledError:
            working.cancel()
            raise
        finally:
            failing.cancel()
            await asyncio.gather(working, failing, return_exceptions=True)
        if self._failure is not None:
            raise BackgroundFailed(self._failure) from self._failure.error
        return working.result()

    async def close(self) -> None:
        """End the tasks that were spawned. Idempotent."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, task: asyncio.Task[None], of_framework: bool) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if self._closed or self._failure is not None:  # the run has its reason already
            _log.error("%s failed after the run had ended or failed", task.get_name(), exc_info=error)
            return
        self._failure = FailedTask(task.get_name(), error, of_framework)
        self._failed.set()
