"""Checks for ``always``, ``eventually`` and ``sometimes`` that a scenario file can name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from nomos_testing.blocks.chain_history import Reorganisation
from nomos_testing.expectations.run_view import RunView
from nomos_testing.waiting.waiting import Seen


@dataclass(frozen=True, slots=True)
class Condition(ABC):
    """The base of the checks that a scenario file can name."""

    word: ClassVar[str]

    @abstractmethod
    def __call__(self, view: RunView) -> Seen: ...

    def file_section(self) -> Mapping[str, Any]:
        return {self.word: asdict(self)}

    def __str__(self) -> str:
        numbers = " ".join(str(value) for value in asdict(self).values())
        return f"{self.word} {numbers}".rstrip()


@dataclass(frozen=True, slots=True)
class NodesWithin(Condition):
    """Every node answers, is on the same chain, and is at most ``blocks`` blocks behind the highest node."""

    blocks: int
    word: ClassVar[str] = "nodes_within"

    def __call__(self, view: RunView) -> Seen:
        behind = view.behind
        apart = [
            f"{node} {'does not answer' if state.error else f'is {behind.get(node, 0)} blocks behind'}"
            for node, state in view.nodes.items()
            if state.error or behind.get(node, self.blocks + 1) > self.blocks
        ]
        return Seen(not apart, ", ".join(apart) or f"all within {self.blocks} blocks")


@dataclass(frozen=True, slots=True)
class NodesAnswer(Condition):
    """Every node answered when it was last asked."""

    word: ClassVar[str] = "nodes_answer"

    def __call__(self, view: RunView) -> Seen:
        silent = [f"{node}: {state.error}" for node, state in view.nodes.items() if state.error]
        return Seen(not silent, "; ".join(silent) or "all answer")


@dataclass(frozen=True, slots=True)
class HeightAtLeast(Condition):
    """The highest node has reached the height ``blocks``."""

    blocks: int
    word: ClassVar[str] = "height_at_least"

    def __call__(self, view: RunView) -> Seen:
        highest = max(view.heights.values(), default=0)
        return Seen(highest >= self.blocks, f"height {highest}")


@dataclass(frozen=True, slots=True)
class ReorganisationDeeperThan(Condition):
    """A node abandons a branch of more than ``blocks`` blocks."""

    blocks: int
    word: ClassVar[str] = "reorganisation_deeper_than"

    def __call__(self, view: RunView) -> Seen:
        event = view.event
        if not isinstance(event, Reorganisation):
            return Seen(False, "no reorganisation")
        depth = len(event.abandoned)
        return Seen(depth > self.blocks, f"{event.node} left {depth} blocks")


@dataclass(frozen=True, slots=True)
class FaultActive(Condition):
    """A fault is active. With ``sometimes`` this proves that the plan did something."""

    word: ClassVar[str] = "fault_active"

    def __call__(self, view: RunView) -> Seen:
        active = view.faults.active()
        return Seen(bool(active), ", ".join(str(record.planned) for record in active) or "no fault active")


CONDITIONS: Mapping[str, type[Condition]] = {
    condition.word: condition
    for condition in (NodesWithin, NodesAnswer, HeightAtLeast, ReorganisationDeeperThan, FaultActive)
}
