"""Follows what is done to nodes and links on purpose, by faults, workloads or people, through the events of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored
from nomos_testing.faults.fault_events import FaultInjected
from nomos_testing.journal.events import NodeControlled

_TOLERANCE_SECONDS: Final = 0.05
"""The journal's entries of one action may be so far apart."""
_ENDS: Final = {
    "kill": ("start", "restart"),
    "stop": ("start", "restart"),
    "pause": ("resume", "start", "restart"),
    "fill disk": ("free disk",),
}
"""The actions on nodes that last, and the actions that end each."""
_CLOCK_OFF, _CLOCK_RIGHT = "put the clock ", "put the clock right"
_FAULT_WORDS: Final = {"fill disk": "disk_full", "clock": "clock_skew"}
"""The words of the faults whose name is not that of the action."""
_NODE_FAULTS: Final = frozenset({"kill", "stop", "pause", "restart", *_FAULT_WORDS.values()})


@dataclass(slots=True)
class Disturbance:
    """Something that was done to nodes or links, on purpose."""

    action: str
    """``kill``, ``stop``, ``pause``, ``restart``, ``fill disk``, ``clock``, ``network``."""
    what: str
    """In words: ``kill``, ``put the clock +30 s off``, ``partition validator-0 | validator-1``."""
    nodes: tuple[str, ...]
    """The nodes that it concerns."""
    began: float
    """When it began."""
    ended: float | None = None
    """When it was undone; None if it never was."""
    number: int | None = None
    """Number of the impairment of links."""
    fault: FaultInjected | None = None
    """The fault that did it; None if a workload or a person did."""

    def lasts_at(self, at: float) -> bool:
        """Return whether it was in force at a moment."""
        return self.began <= at and (self.ended is None or at <= self.ended)

    @property
    def by(self) -> str:
        """``by fault 1``, or ``by a workload`` if no fault did it."""
        return f"by fault {self.fault.number}" if self.fault is not None else "by a workload"

    @property
    def described(self) -> str:
        """``fault 1: kill validator-1``, or the action and its nodes."""
        if self.fault is not None:
            return f"fault {self.fault.number}: {self.fault.fault}"
        return self.what if self.action == "network" else f"{self.what} {', '.join(self.nodes)}"


class Disturbances:
    """Collects the disturbances of a run from its events."""

    def __init__(self) -> None:
        self._all: list[Disturbance] = []

    @property
    def all(self) -> Sequence[Disturbance]:
        """All of them, in the order in which they began."""
        return self._all

    def quiet_since(self) -> float | None:
        """Return when the last one ended: minus infinity if there was none, None while one lasts."""
        if any(each.ended is None for each in self._all):
            return None
        return max((each.ended for each in self._all if each.ended is not None), default=float("-inf"))

    def take(self, event: Any, at: float) -> None:
        """Take the next event. ``at`` is its time on any clock that does not jump."""
        match event:
            case NodeControlled(node=node, action=action, seconds=seconds):
                self._take_control(node, action, at, at - seconds)
            case NetworkImpaired():
                nodes = tuple(sorted({end for link in event.links for end in link.split(" -> ")}))
                self._all.append(Disturbance("network", event.description, nodes, at, number=event.number))
            case NetworkRestored(numbers=numbers):
                for each in self._all:
                    if each.number is not None and each.number in numbers and each.ended is None:
                        each.ended = at
            case FaultInjected():
                self._attribute(event, at)

    def _take_control(self, node: str, action: str, at: float, began: float) -> None:
        for each in self._all:
            if each.ended is None and each.nodes == (node,) and _ends(each, action):
                each.ended = at
        if action in _ENDS:
            self._all.append(Disturbance(action, action, (node,), at))
        elif action == "restart":
            self._all.append(Disturbance(action, action, (node,), began, at))
        elif action.startswith(_CLOCK_OFF) and action != _CLOCK_RIGHT:
            self._all.append(Disturbance("clock", action, (node,), at))

    def _attribute(self, event: FaultInjected, at: float) -> None:
        """Find the disturbance that a fault made: it began during the injection, and the fault's text names it."""
        word = event.fault.partition(" ")[0]
        for each in reversed(self._all):
            during = at - event.seconds - _TOLERANCE_SECONDS <= each.began
            if during and each.fault is None and _made_by(each, word, event.fault.split()):
                each.fault = event
                return


def _ends(disturbance: Disturbance, action: str) -> bool:
    if disturbance.action == "clock":
        return action.startswith(_CLOCK_OFF)
    return action in _ENDS.get(disturbance.action, ())


def _made_by(disturbance: Disturbance, word: str, words: Sequence[str]) -> bool:
    if disturbance.action == "network":
        return word not in _NODE_FAULTS
    return _FAULT_WORDS.get(disturbance.action, disturbance.action) == word and disturbance.nodes[0] in words
