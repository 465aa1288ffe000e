"""Events that a network control writes into a run's journal."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("network_impaired")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkImpaired:
    """Links were cut or slowed."""

    number: int
    """Number of the impairment in this run."""
    description: str
    """``loss 10% on all links``."""
    links: tuple[str, ...]
    """The directed links, each as ``validator-0 -> validator-1``."""
    seconds: float
    """Seconds from the request until it took effect."""


@journal_event("network_restored")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRestored:
    """Impairments were lifted."""

    numbers: tuple[int, ...]
    """Numbers of the impairments."""
    seconds: float
    """Seconds from the request until it took effect."""


@journal_event("network_verified")
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkVerified:
    """The links were checked; see ``LinkVerification``."""

    verified: bool
    """True if every link delivers both ways and every running node has its peers."""
    seconds: float
    """Seconds that the check took."""
    left_out: tuple[str, ...]
    """Stopped nodes and links that are still impaired. They were not checked."""
    reason: str | None = None
    """Why the network is not verified."""


@journal_event("relay_ended")
@dataclass(frozen=True, slots=True)
class RelayEnded:
    """The relay between the nodes ended by itself. The nodes no longer reach each other."""

    reason: str
    """How it ended."""
