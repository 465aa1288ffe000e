"""Ends a run in order at SIGINT, SIGTERM and SIGHUP: its task is cancelled once and cleans up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from nomos_testing.runtime.errors import Interrupted

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Stop = Callable[[signal.Signals], None]
_stops: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Stop]] = WeakKeyDictionary()
"""The way to stop each run of a loop. A loop has one handler for a signal, and all runs end by it."""


@contextmanager
def stopped_by_signals() -> Iterator[Sequence[signal.Signals]]:
    """Cancel the current task at the first of these signals. Later ones do not disturb the cleanup.

    The block gets the list of the signals so far. One that ends in order at a signal raises nothing.

    Raises:
        Interrupted: a signal ended the block.
    """
    task = asyncio.current_task()
    assert task is not None
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        if len(received) == 1:
            task.cancel()

    with _stopping(stop):
        try:
            yield received
        except asyncio.CancelledError:
            if not received:
                raise
            task.uncancel()
            raise Interrupted(received[0]) from None


@contextmanager
def _stopping(stop: Stop) -> Iterator[None]:
    """Call ``stop`` at each signal, as well as the stops of other runs."""
    loop = asyncio.get_running_loop()
    stops = _stops.setdefault(loop, [])
    if not stops:
        for number in STOPPING_SIGNALS:
            loop.add_signal_handler(number, _stop_all, stops, number)
    stops.append(stop)
    try:
        yield
    finally:
        stops.remove(stop)
        if not stops:
            for number in STOPPING_SIGNALS:
                loop.remove_signal_handler(number)


def _stop_all(stops: list[Stop], number: signal.Signals) -> None:
    for stop in tuple(stops):
        stop(number)
