"""Thread that runs trio, and the calls between it and an asyncio event loop.

Calls go to trio: ``TrioThread.call`` runs an async function there and waits for its result here. Events come from trio:
``TrioThread.emit`` calls a function in the asyncio loop. Cancelling a call cancels the function.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, TypeVarTuple

import trio

from nomos_node.network.errors import NetworkClosed

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Program(Protocol):
    """Program of the thread. It runs until ``stop`` is set and calls ``ready`` once it can be used."""

    async def run(self, ready: Callable[[], None], stop: trio.Event) -> None: ...


class TrioThread:
    """Runs a ``Program`` under trio in a thread of its own."""

    def __init__(self, program: Program, *, name: str) -> None:
        self._program = program
        self._name = name
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Start the thread. Return when the program is ready, or raise the error that it failed with."""
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        await asyncio.shield(self._ready)

    async def stop(self) -> None:
        """Ask the program to end and wait for its thread. Does nothing when it has ended."""
        if self._thread is None:
            return
        with suppress(trio.RunFinishedError):  # it has ended already
            self._token.run_sync_soon(self._stop.set)
        await asyncio.wait([self._finished])
        self._thread.join()
        self._thread = None

    async def wait_finished(self) -> None:
        """Wait for the end of the program. Raise the error that it failed with."""
        await asyncio.shield(self._finished)

    async def call(self, function: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
        """Run an async function in the trio thread and return its result.

        Raises:
            NetworkClosed: the program is not running, or ended before the function did.
        """
        result: asyncio.Future[T] = self._loop.create_future()
        call = _Call(function, args, result, self.emit)
        self._run_sync_soon(self._start_call, call)
        try:
            return await result
        except asyncio.CancelledError:
            self._run_sync_soon(call.scope.cancel)
            raise

    def notify(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call a plain function in the trio thread later. Does nothing when the program has ended."""
        with suppress(NetworkClosed):  # the program has ended
            self._run_sync_soon(function, *args)

    def emit(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call a plain function in the asyncio loop later. Does nothing when the loop is closed."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *args)

    def _run_sync_soon(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        if self._thread is None or self._finished.done():
            raise NetworkClosed("the network is not running")
        try:
            self._token.run_sync_soon(function, *args)
        except trio.RunFinishedError:
            raise NetworkClosed("the network is not running") from None

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            trio.run(self._main)
        except BaseException as error:  # any error goes to the asyncio side
            failure = error
        self.emit(self._settle, failure)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with trio.open_nursery() as calls:
            self._calls: trio.Nursery | None = calls
            try:
                await self._program.run(lambda: self.emit(self._set_ready), self._stop)
            finally:
                self._calls = None
            calls.cancel_scope.cancel()

    def _start_call(self, call: _Call) -> None:
        if self._calls is None:
            call.refuse()
        else:
            self._calls.start_soon(call.run)

    def _set_ready(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _settle(self, failure: BaseException | None) -> None:
        if failure is None:
            failure = None if self._ready.done() else NetworkClosed("the network ended while starting")
        for future in (self._ready, self._finished):
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
                future.exception()  # mark it as seen; a waiter still gets it


class _Call:
    """Call of one function in the trio thread."""

    __slots__ = ("_args", "_emit", "_function", "future", "scope")

    def __init__(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        future: asyncio.Future[Any],
        emit: Callable[..., None],
    ) -> None:
        self._function = function
        self._args = args
        self._emit = emit
        self.future = future
        self.scope = trio.CancelScope()

    async def run(self) -> None:
        outcome: tuple[Callable[[Any], None], Any] = self.future.set_exception, self._closed()
        try:
            with self.scope:
                outcome = self.future.set_result, await self._function(*self._args)
        except Exception as error:  # the error belongs to the caller, not to this thread
            outcome = self.future.set_exception, error
        finally:
            self._emit(self._settle, *outcome)

    def refuse(self) -> None:
        self._emit(self._settle, self.future.set_exception, self._closed())

    def _closed(self) -> NetworkClosed:
        return NetworkClosed("the network was closed meanwhile")

    def _settle(self, settle: Callable[[Any], None], value: Any) -> None:
        if not self.future.done():
            settle(value)
