"""Tasks beside the workloads: an expectation's watching, and the observers of the framework.

The failure of one of them ends the run at once, in whatever phase it is.
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
    """A task failed; ``task`` says which and why."""

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
        """In the order in which they began, in which they are ended too."""
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
        """Make the failure of this task of the framework the run's failure. Whoever started the task ends it."""
        task.add_done_callback(lambda done: self._note(done, of_framework=True))

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work``, unless a task fails.

        Raises:
            BackgroundFailed: a task has failed, before or meanwhile. ``work`` was cancelled and has ended.
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
        if self._closed or self._failure is not None:  # the verdict has its reason already
            _log.error("%s failed after the run had ended or failed", task.get_name(), exc_info=error)
            return
        self._failure = FailedTask(task.get_name(), error, of_framework)
        self._failed.set()
