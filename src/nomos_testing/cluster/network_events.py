"""What a network control writes into a run's journal."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("network_impaired")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkImpaired:
    number: int
    description: str
    links: tuple[str, ...]
    """``validator-0 -> validator-1``"""
    seconds: float
    """From the request until it was in effect."""


@journal_event("network_restored")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRestored:
    """Impairments were lifted."""

    numbers: tuple[int, ...]
    seconds: float


@journal_event("network_verified")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkVerified:
    """The outcome of a verification: see ``LinkVerification``."""

    verified: bool
    seconds: float
    left_out: tuple[str, ...]
    reason: str | None = None


@journal_event("relay_ended")
@dataclass(frozen=True, slots=True)
class RelayEnded:
    """The relay between the nodes ended by itself: no node reaches another any more."""

    reason: str
