"""What a deployer may choose about the nodes' configuration, apart from the topology. Durations are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, Self

from nomos_testing.settings import Settings

_REFERENCE_SLOT: Final = 2.0


def slot_scale(slot_duration: float) -> float:
    """Slots below a second exist to make tests fast: everything that waits for slots shrinks with them."""
    return slot_duration / _REFERENCE_SLOT if slot_duration < 1 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLogging:
    """Where nodes log, how much, and who gets traces and metrics.

    Without ``directory`` a node logs into its own directory, to files ``__logs.<hour>``; with it all nodes log there,
    to ``nomos-node-<index>.<hour>`` and ``nomos-executor-<index>.<hour>``. ``filters`` maps log targets to levels.
    """

    directory: Path | None = None
    level: str = "INFO"
    filters: Mapping[str, str] | None = None
    otlp_traces: str | None = None
    otlp_metrics: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailabilityTimes:
    """Spans of blob dispersal, verification and sampling, for slots of two seconds."""

    dispersal_timeout: float = 20.0
    retry_cooldown: float = 3.0
    share_duration: float = 5.0
    prune_duration: float = 30.0
    prune_interval: float = 5.0
    commitments_wait: float = 1.0
    old_blobs_check_interval: float = 5.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the environment asks for."""
        return cls(
            dispersal_timeout=settings.dispersal_timeout_seconds,
            retry_cooldown=settings.retry_cooldown_seconds,
            share_duration=settings.share_duration_seconds,
            prune_duration=settings.prune_duration_seconds,
            prune_interval=settings.prune_interval_seconds,
            commitments_wait=settings.commitments_wait_seconds,
        )

    def scaled(self, factor: float) -> Self:
        """All spans multiplied."""
        return replace(self, **{item.name: getattr(self, item.name) * factor for item in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailabilityLimits:
    """What the nodes' DA network puts up with, and how long it remembers; spans as they are, whatever the slots.

    A topology's parameters may have limits of their own, which win.
    """

    max_failures: int = 0
    """Of dispersal, of sampling and of replication, each."""
    malicious_threshold: int = 0
    failure_time_window: float = 5.0
    seen_message_cache_size: int = 1000
    seen_message_ttl: float = 3600.0
    shares_retry_limit: int = 1
    commitments_retry_limit: int = 1
    blobs_validity: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOptions:
    kzg_params: Path
    """The KZG parameters file, as the nodes see it."""
    logging: NodeLogging = NodeLogging()
    da_times: DataAvailabilityTimes = DataAvailabilityTimes()
    da_limits: DataAvailabilityLimits = DataAvailabilityLimits()
    offline_grace_period: float = 1200.0
    wallets_in_key_management: bool = True
    """Nodes hold the secret keys of all wallets."""
    use_autonat: bool = False
    """Nodes find out their own address instead of being told that it is on loopback."""
