"""Keys and waits of tests that drive a textual application.

``Pilot.press`` and ``Pilot.pause`` wait until every widget has answered. A widget that is removed meanwhile, such as a
dialog or a notification, never does. So these functions post keys, and look at the screen until a condition holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

DEADLINE_SECONDS = 60.0


def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys by their names."""
    for key in keys:
        pilot.app.simulate_key(key)


async def until(pilot: Pilot[Any], waited_for: str, holds: Callable[[], bool]) -> None:
    """Let the application work until a condition holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE_SECONDS
    while not holds():
        assert loop.time() < deadline, f"timed out waiting for {waited_for}; the screen:\n{screen_text(pilot)}"
        await asyncio.sleep(0.02)


def screen_text(pilot: Pilot[Any]) -> str:
    """Return the screen's characters as lines."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


def text_of(pilot: Pilot[Any], selector: str) -> str:
    """Return the text of a ``Static`` of the lowest screen."""
    return str(pilot.app.screen_stack[0].query_one(selector, Static).content)
