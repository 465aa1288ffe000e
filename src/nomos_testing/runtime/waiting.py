"""Waiting for a condition: what for, how long, and what was last seen when it did not come true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nomos_testing.failure import Failure


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a condition."""

    fulfilled: bool
    description: str
    """The value, for the person who reads why a wait failed."""


@dataclass(frozen=True, slots=True)
class Waited:
    seconds: float
    last_seen: str


class WaitTimeout(Failure, TimeoutError):
    """A condition did not come true in time; the text names it and the last value seen."""

    def __init__(self, waited_for: str, seconds: float, last_seen: str) -> None:
        super().__init__(f"timed out waiting for {waited_for}: {last_seen}")
        self.waited_for = waited_for
        self.seconds = seconds
        self.last_seen = last_seen


async def wait_until(
    waited_for: str, look: Callable[[], Awaitable[Seen]], *, timeout: float, poll: float = 0.2
) -> Waited:
    """Look every ``poll`` seconds until the condition is fulfilled.

    A look that takes longer than the time left is given up.

    Raises:
        WaitTimeout: it was not fulfilled within ``timeout`` seconds.
    """
    started, last = time.monotonic(), "nothing seen yet"
    try:
        async with asyncio.timeout(timeout):
            while True:
                seen = await look()
                last = seen.description
                if seen.fulfilled:
                    return Waited(time.monotonic() - started, last)
                await asyncio.sleep(poll)
    except TimeoutError:
        raise WaitTimeout(waited_for, timeout, last) from None
