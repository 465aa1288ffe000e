"""Waits for conditions. A wait that fails says the condition, the time, and the last value seen.

No wait is silent for long. ``narrated`` reports every few seconds what is waited for: in the journal of the run that
``tell_of_waits`` names, or in the log if there is no run yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from nomos_testing.failure import Failure
from nomos_testing.journal.events import WaitContinues
from nomos_testing.surroundings import monotonic

WORDS_AFTER: Final = (3.0, 5.0)
"""Seconds until a wait is reported first, and then again and again. People wonder after some three seconds."""

Teller = Callable[[WaitContinues], object]
_teller: ContextVar[Teller | None] = ContextVar("teller of waits", default=None)
"""A context variable, because waits happen in code that knows no run."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a condition."""

    fulfilled: bool
    description: str
    """The value seen, for the text of a wait that failed."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The result of a wait."""

    seconds: float
    last_seen: str


class WaitTimeout(Failure, TimeoutError):
    """A condition was not fulfilled in time. The text has the condition and the last value seen."""

    def __init__(self, waited_for: str, seconds: float, last_seen: str) -> None:
        super().__init__(f"timed out waiting for {waited_for}: {last_seen}")
        self.waited_for = waited_for
        self.seconds = seconds
        self.last_seen = last_seen


async def wait_until(
    waited_for: str,
    look: Callable[[], Awaitable[Seen]],
    *,
    timeout: float,
    poll: float = 0.2,
    words_after: tuple[float, float] = WORDS_AFTER,
) -> Waited:
    """Check a condition every ``poll`` seconds until it is fulfilled.

    A check that takes longer than the time left is cancelled.

    Raises:
        WaitTimeout: it was not fulfilled within ``timeout`` seconds.
    """
    started, last = monotonic(), "nothing seen yet"
    try:
        narration = narrated(waited_for, lambda: last, limit=timeout, words_after=words_after)
        async with narration, asyncio.timeout(timeout):
            while True:
                seen = await look()
                last = seen.description
                if seen.fulfilled:
                    return Waited(monotonic() - started, last)
                await asyncio.sleep(poll)
    except TimeoutError:
        raise WaitTimeout(waited_for, timeout, last) from None


def tell_of_waits(teller: Teller) -> None:
    """Report waits to ``teller`` from now on: those of this task, and of the tasks that it starts."""
    _teller.set(teller)


@asynccontextmanager
async def narrated(
    waited_for: str,
    last_seen: Callable[[], str] = str,
    *,
    limit: float | None = None,
    words_after: tuple[float, float] = WORDS_AFTER,
) -> AsyncIterator[None]:
    """Report what the block waits for: after 3 seconds, and then every 5 seconds."""
    narration = asyncio.create_task(_narrate(waited_for, last_seen, limit, words_after), name=f"narrate: {waited_for}")
    try:
        yield
    finally:
        narration.cancel()
        await asyncio.gather(narration, return_exceptions=True)


async def _narrate(
    waited_for: str, last_seen: Callable[[], str], limit: float | None, words_after: tuple[float, float]
) -> None:
    started, (pause, next_pause) = monotonic(), words_after
    while True:
        await asyncio.sleep(pause)
        word = WaitContinues(
            waited_for=waited_for, seconds=round(monotonic() - started, 1), limit=limit, last_seen=last_seen()
        )
        teller = _teller.get()
        if teller is None:
            _log.warning("%s", wait_message(word))
        else:
            teller(word)
        pause = next_pause


def wait_message(word: WaitContinues) -> str:
    """Describe a wait: ``waiting for network readiness since 8 s (60 s at most): validator#0@3000: peers=0``."""
    limit = "" if word.limit is None else f" ({word.limit:.0f} s at most)"
    seen = f": {word.last_seen}" if word.last_seen else ""
    return f"waiting for {word.waited_for} since {word.seconds:.0f} s{limit}{seen}"
