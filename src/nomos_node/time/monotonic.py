"""The monotonic clock of the node: that of the running event loop.

Everything that measures a duration or keeps a deadline reads this clock, so that a loop with its own time (a simulated
one) decides how fast the node lives.
"""

from __future__ import annotations

import asyncio


def monotonic() -> float:
    """Return the seconds of the running event loop's clock. Their origin has no meaning, only differences have."""
    return asyncio.get_running_loop().time()
