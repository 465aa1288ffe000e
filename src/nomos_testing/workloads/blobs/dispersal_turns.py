"""Whose turn it is to disperse a blob, where only one is dispersed at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class DispersalTurns:
    """Gives one channel its turn at a time, ``between`` seconds after the last one's end; with 0 nobody waits."""

    def __init__(self, between: float) -> None:
        self._between = between
        self._taken = asyncio.Lock()
        self._free_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn, and hold it."""
        if not self._between:
            yield
            return
        async with self._taken:
            await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
            try:
                yield
            finally:
                self._free_at = time.monotonic() + self._between
