"""Turns SIGINT, SIGTERM and SIGHUP into an orderly end: the running task is cancelled once and cleans up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from nomos_testing.runtime.errors import Interrupted

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Cancel the current task at the first of these signals; later ones don't disturb the cleaning up.

    Raises:
        Interrupted: the block was left because of a signal.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        if len(received) == 1:
            task.cancel()

    for number in STOPPING_SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    except asyncio.CancelledError:
        if not received:
            raise
        task.uncancel()
        raise Interrupted(received[0]) from None
    finally:
        for number in STOPPING_SIGNALS:
            loop.remove_signal_handler(number)
