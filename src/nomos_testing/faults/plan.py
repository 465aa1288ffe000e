"""The plan of the faults of a run: every action, its targets and its times. Nothing in it is random."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nomos_testing.faults.errors import FieldPath, dotted
from nomos_testing.faults.fault import Control, Fault
from nomos_testing.faults.notation import fault_from_json
from nomos_testing.faults.vocabulary import FAULT_WORDS
from nomos_testing.registry import Word

_PER_SECOND = 1000
"""Times are planned to the millisecond, so that a plan that was written is equal to the one that was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """A fault with names for all its targets. Times are in seconds since the start of the workloads."""

    number: int
    """From 1, in the order of injection."""
    origin: str
    """The workload that injects it."""
    path: FieldPath
    """The field of the scenario that asks for it."""
    fault: Fault
    """The fault, with names for its targets."""
    inject_at: float
    """Time of the injection."""
    heal_at: float
    """Time of the heal."""

    @property
    def lasting(self) -> float:
        """Its length, in seconds."""
        return self.heal_at - self.inject_at

    def __str__(self) -> str:
        return f"fault {self.number} ({self.fault})"

    def to_json(self) -> dict[str, Any]:
        """Return the fault as ``plan.json`` has it."""
        return {
            "number": self.number,
            "origin": self.origin,
            "path": dotted(self.path),
            "inject_at": self.inject_at,
            "heal_at": self.heal_at,
            **self.fault.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], words: Mapping[str, Word] = FAULT_WORDS) -> PlannedFault:
        """Read what ``to_json`` gives. ``words`` are the faults that are known.

        Raises:
            ValueError: not what ``to_json`` gives.
        """
        rest = dict(value)
        try:
            number, origin, path = int(rest.pop("number")), str(rest.pop("origin")), rest.pop("path")
            inject_at, heal_at = float(rest.pop("inject_at")), float(rest.pop("heal_at"))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a planned fault ({error!r}): {value}") from None
        return cls(
            number=number,
            origin=origin,
            path=tuple(int(part) if part.isdigit() else part for part in str(path).split(".")),
            fault=fault_from_json(rest, words),
            inject_at=inject_at,
            heal_at=heal_at,
        )


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Every fault of a run, ordered by injection."""

    faults: tuple[PlannedFault, ...] = ()
    """Every fault of the run, in the order of injection."""

    def __iter__(self) -> Iterator[PlannedFault]:
        return iter(self.faults)

    def __len__(self) -> int:
        return len(self.faults)

    def of(self, origin: str) -> tuple[PlannedFault, ...]:
        """Return the faults that a workload injects."""
        return tuple(fault for fault in self.faults if fault.origin == origin)

    def needing(self, control: Control) -> tuple[PlannedFault, ...]:
        """Return the faults that need one of these controls."""
        return tuple(planned for planned in self.faults if planned.fault.control is control)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the plan as ``plan.json`` has it."""
        return [planned.to_json() for planned in self.faults]

    @classmethod
    def from_json(cls, values: Sequence[Mapping[str, Any]], words: Mapping[str, Word] = FAULT_WORDS) -> FaultPlan:
        """Read what ``to_json`` gives. ``words`` are the faults that are known.

        Raises:
            ValueError: not what ``to_json`` gives.
        """
        return cls(tuple(PlannedFault.from_json(value, words) for value in values))

    def lines(self, slot_seconds: float) -> list[str]:
        """Write a line for each fault: ``  1    12.00 s  slot 6      for 4 s     pause validator-1``."""
        return [_line(planned, slot_seconds) for planned in self.faults]


def rounded(time: float) -> float:
    """Round down, so that a fault that ends with the run does not end after it."""
    return math.floor(time * _PER_SECOND + 1e-6) / _PER_SECOND


def _line(planned: PlannedFault, slot_seconds: float) -> str:
    length = "" if planned.fault.momentary else f"for {planned.lasting:g} s"
    return (
        f"{planned.number:>4}  at {planned.inject_at:8.2f} s  {f'(slot {planned.inject_at / slot_seconds:.0f})':<11}"
        f"  {length:<14}  {planned.fault}"
    )
