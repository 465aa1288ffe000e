"""The events that faults write into the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nomos_testing.journal.events import journal_event


@journal_event("faults_planned")
@dataclass(frozen=True, slots=True)
class FaultsPlanned:
    """The faults of the run are planned; written before the run begins."""

    plan: tuple[dict[str, Any], ...]
    """The faults as ``plan.json`` has them."""
    lines: tuple[str, ...]
    """The same plan as sentences."""


@journal_event("fault_injected")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultInjected:
    """A fault has taken effect."""

    number: int
    """Number of the fault in the plan, from 1."""
    fault: str
    """Kind and target: ``pause validator-0``."""
    origin: str
    """Name of the workload that injects it: ``faults`` or the chaos restarts."""
    planned_at: float
    """Seconds from the start of the workloads to the planned injection."""
    late: float
    """Seconds from the planned to the real start of the injection."""
    seconds: float
    """Seconds from the start of the injection until it took effect."""


@journal_event("fault_left_out")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLeftOut:
    """A fault was not injected, because the run's duration ended before its time."""

    number: int
    """Number of the fault in the plan, from 1."""
    fault: str
    """Kind and target: ``pause validator-0``."""
    planned_at: float
    """Seconds from the start of the workloads to the planned injection."""


@journal_event("fault_healed")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultHealed:
    """A fault is undone."""

    number: int
    """Number of the fault in the plan, from 1."""
    fault: str
    """Kind and target: ``pause validator-0``."""
    seconds: float
    """Seconds until the heal took effect: the node answers again, the links carry packets again."""


@journal_event("fault_heal_verified")
@dataclass(frozen=True, slots=True, kw_only=True)
class HealVerified:
    """The links were checked after a heal: does each side receive the messages of the other?"""

    number: int
    """Number of the fault in the plan, from 1."""
    verified: bool
    """True if every link delivers."""
    seconds: float
    """Seconds that the check took."""
    reason: str | None = None
    """Why the heal is not verified."""


@journal_event("fault_recovered")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecovered:
    """After a heal every node is again within two blocks of the highest node, on the same chain."""

    number: int
    """Number of the fault in the plan, from 1."""
    fault: str
    """Kind and target: ``pause validator-0``."""
    seconds: float
    """Seconds since the heal."""
    slots: float
    """The same in slots."""
    overlapped: bool
    """True if another fault was active between the heal and the recovery."""
