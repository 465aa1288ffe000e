"""Coroutines in event loops of their own, each in a thread of its own, awaited by tests of every kind.

A run must not share the loop of a test: loops of test plugins end with each test, and a test without a loop has none. A
test that is interrupted ends its run in order first.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from concurrent import futures
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LoopThread(Generic[T]):
    """A coroutine that runs in a thread of its own.

    Attributes:
        done: its result, once the thread's event loop is closed.
    """

    def __init__(self, work: Coroutine[Any, Any, T], name: str) -> None:
        self.done: Future[T] = Future()
        self.done.set_running_or_notify_cancel()  # from here on, only the end of the work ends it
        self._work = work
        self._begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()
        # The process may end while a node does not: the kernel and the reaper end the node then.
        Thread(target=self._run, name=name, daemon=True).start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the thread."""
        return self._begun.result()[0]

    def cancel(self) -> None:
        """Cancel the work. It ends in order, and ``done`` tells when."""
        loop, task = self._begun.result()
        with suppress(RuntimeError):  # the loop is closed, because the work has just ended
            loop.call_soon_threadsafe(task.cancel)

    def _run(self) -> None:
        try:
            result = asyncio.run(self._begin())
        except BaseException as error:
            self.done.set_exception(error)
        else:
            self.done.set_result(result)

    async def _begin(self) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._begun.set_result((asyncio.get_running_loop(), task))
        return await self._work


def result_of(future: Future[T], cancel: Callable[[], object]) -> Any:
    """Return the result of a future; in an async test a coroutine that returns it.

    Args:
        future: belongs to another thread.
        cancel: called if the test is ended before the future. The future is still waited for.
    """
    __tracebackhide__ = True
    if _runs_asyncio():
        return _awaited_in_asyncio(future, cancel)
    if _runs_trio():
        return _awaited_in_trio(future, cancel)
    return waited_for(future, cancel)


def in_async_code() -> bool:
    """Return whether the caller runs in an event loop, of asyncio or of trio."""
    return _runs_asyncio() or _runs_trio()


def _runs_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _runs_trio() -> bool:
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


def waited_for(future: Future[T], cancel: Callable[[], object]) -> T:
    """Wait for the result of a future, as ``result_of`` does where no event loop runs."""
    __tracebackhide__ = True
    try:
        futures.wait([future])
    except BaseException:  # Ctrl-C, or a time limit of the test
        cancel()
        while not future.done():
            with suppress(KeyboardInterrupt):  # a further Ctrl-C does not disturb the cleanup
                futures.wait([future])
        raise
    return _outcome(future)


async def _awaited_in_asyncio(future: Future[T], cancel: Callable[[], object]) -> T:
    __tracebackhide__ = True
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def note(_: Future[T]) -> None:
        with suppress(RuntimeError):  # the test's loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    future.add_done_callback(note)
    try:
        await ended.wait()
    except asyncio.CancelledError:
        cancel()
        while not future.done():
            with suppress(asyncio.CancelledError):
                await ended.wait()
        raise
    return _outcome(future)


async def _awaited_in_trio(future: Future[T], cancel: Callable[[], object]) -> T:
    __tracebackhide__ = True
    import trio

    token, ended = trio.lowlevel.current_trio_token(), trio.Event()

    def note(_: Future[T]) -> None:
        with suppress(trio.RunFinishedError):  # the test is over: nobody waits any more
            token.run_sync_soon(ended.set)

    future.add_done_callback(note)
    try:
        await ended.wait()
    except trio.Cancelled:
        cancel()
        with trio.CancelScope(shield=True):
            await ended.wait()
        raise
    return _outcome(future)


def _outcome(future: Future[T]) -> T:
    __tracebackhide__ = True
    error = future.exception()
    if error is not None:
        raise error  # not by result(), whose frames tell nothing
    return future.result()
