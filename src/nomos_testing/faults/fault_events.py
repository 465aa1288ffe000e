"""What faults write into the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nomos_testing.journal.events import journal_event


@journal_event("faults_planned")
@dataclass(frozen=True, slots=True)
class FaultsPlanned:
    """Written before the run begins."""

    plan: tuple[dict[str, Any], ...]
    lines: tuple[str, ...]
    """The same for people to read."""


@journal_event("fault_injected")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultInjected:
    number: int
    fault: str
    origin: str
    planned_at: float
    """Seconds since the workloads started."""
    late: float
    """How much later than planned it began."""
    seconds: float
    """Until it had taken effect."""


@journal_event("fault_left_out")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLeftOut:
    """The run's duration was over before it began, if by a moment."""

    number: int
    fault: str
    planned_at: float


@journal_event("fault_healed")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultHealed:
    number: int
    fault: str
    seconds: float
    """Until the heal had taken effect: a node answers again, a link carries packets again."""


@journal_event("fault_heal_verified")
@dataclass(frozen=True, slots=True, kw_only=True)
class HealVerified:
    """Whether messages of each side were seen to reach the other after a heal."""

    number: int
    verified: bool
    seconds: float
    reason: str | None = None
    """Why it was not, or could not be, verified."""


@journal_event("fault_recovered")
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecovered:
    """Every node is within two blocks of the highest one again, on the same chain."""

    number: int
    fault: str
    seconds: float
    """Since the heal."""
    slots: float
    overlapped: bool
    """Another fault was there in the meantime."""
