"""When each fault of a run began, ended and was recovered from, and which nodes it concerned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.evidence.faults import FaultSummaries, FaultSummary
from nomos_testing.faults.fault_events import FaultRecovered, FaultsPlanned
from nomos_testing.journal.journal import Entry

_OWN_KEYS: Final = frozenset({"number", "origin", "path", "inject_at", "heal_at"})
"""Keys of a planned fault that are no part of the fault itself."""


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """One fault of a run. Times are on the journal's clock."""

    number: int
    """Number of the fault in the plan, from 1."""
    text: str
    """Kind and target: ``pause validator-0``."""
    nodes: tuple[str, ...]
    """The nodes that it names; empty if it concerns the whole network."""
    began: float
    """When it was in effect."""
    ended: float | None
    """When it was healed; None if it never was."""
    recovered: float | None
    """When every node was again near the highest one, on the same chain; None if they never were."""
    heal_seconds: float | None
    """Seconds until the heal took effect."""
    verified: bool | None
    """True if the links were found to carry messages after the heal; None if this was not checked."""
    recovered_slots: float | None
    """Slots from the heal to the recovery."""
    overlapped: bool
    """True if another fault was active between heal and recovery."""
    deepest_reorganisation: int
    """The most blocks that a node abandoned at once between injection and recovery."""


class FaultWindows:
    """Collects the faults of a run from the entries of its journal."""

    def __init__(self) -> None:
        self._summaries = FaultSummaries()
        self._planned: dict[int, Mapping[str, Any]] = {}
        self._recovered: dict[int, float] = {}

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        self._summaries.take(entry)
        match entry.event:
            case FaultsPlanned(plan=plan):
                self._planned |= {item["number"]: item for item in plan if isinstance(item.get("number"), int)}
            case FaultRecovered(number=number):
                self._recovered[number] = entry.at

    def windows(self, nodes: Iterable[str]) -> tuple[FaultWindow, ...]:
        """Return the faults that were injected, in order.

        Args:
            nodes: the names of all nodes of the run.
        """
        known = list(nodes)
        return tuple(self._window(fault, known) for fault in self._summaries)

    def _window(self, fault: FaultSummary, nodes: Iterable[str]) -> FaultWindow:
        planned = {key: value for key, value in self._planned.get(fault.number, {}).items() if key not in _OWN_KEYS}
        named = set(_texts(planned)) or set(fault.fault.replace(",", " ").split())
        return FaultWindow(
            number=fault.number,
            text=fault.fault,
            nodes=tuple(node for node in nodes if node in named),
            began=fault.began,
            ended=fault.healed,
            recovered=self._recovered.get(fault.number),
            heal_seconds=fault.heal_seconds,
            verified=fault.verified,
            recovered_slots=fault.recovered_slots,
            overlapped=fault.overlapped,
            deepest_reorganisation=fault.deepest_reorganisation,
        )


def _texts(value: Any) -> Iterator[str]:
    """Yield every text inside a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (str(key) for key in value)
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
