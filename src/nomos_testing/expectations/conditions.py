"""Checks for ``always``, ``eventually`` and ``sometimes`` that need no Python: scenario files know them by name."""

from __future__ import annotations

from nomos_testing.expectations.continuous import Check
from nomos_testing.expectations.run_view import RunView
from nomos_testing.runtime.chain_history import Reorganisation
from nomos_testing.runtime.waiting import Seen


def nodes_within(blocks: int) -> Check:
    """Every node answers and is at most so many blocks behind the highest, on the same chain."""

    def check(view: RunView) -> Seen:
        behind = view.behind
        apart = [
            f"{node} {'does not answer' if state.error else f'is {behind.get(node, 0)} blocks behind'}"
            for node, state in view.nodes.items()
            if state.error or behind.get(node, blocks + 1) > blocks
        ]
        return Seen(not apart, ", ".join(apart) or f"all within {blocks} blocks")

    return check


def nodes_answer() -> Check:
    """Every node answered when it was last asked."""

    def check(view: RunView) -> Seen:
        silent = [f"{node}: {state.error}" for node, state in view.nodes.items() if state.error]
        return Seen(not silent, "; ".join(silent) or "all answer")

    return check


def height_at_least(height: int) -> Check:
    """The highest node has reached a height."""

    def check(view: RunView) -> Seen:
        highest = max(view.heights.values(), default=0)
        return Seen(highest >= height, f"height {highest}")

    return check


def reorganisation_deeper_than(blocks: int) -> Check:
    """A node leaves a branch of more than so many blocks of its own."""

    def check(view: RunView) -> Seen:
        event = view.event
        if not isinstance(event, Reorganisation):
            return Seen(False, "no reorganisation")
        depth = len(event.abandoned)
        return Seen(depth > blocks, f"{event.node} left {depth} blocks")

    return check


def fault_active() -> Check:
    """A fault is there: that the plan did something."""

    def check(view: RunView) -> Seen:
        active = view.faults.active()
        return Seen(bool(active), ", ".join(str(record.planned) for record in active) or "no fault active")

    return check
