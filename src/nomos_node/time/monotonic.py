"""Monotonic clock of the node: that of the running event loop.

All durations and deadlines use this clock. So an event loop with its own time, such as a simulated one, decides how
fast the node runs.
"""

from __future__ import annotations

import asyncio


def monotonic() -> float:
    """Return the seconds of the running event loop's clock. Only differences have a meaning."""
    return asyncio.get_running_loop().time()
