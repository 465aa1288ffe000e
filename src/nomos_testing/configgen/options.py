"""The choices about the nodes' configuration that are not part of the topology. Durations are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, Self

from nomos_testing.settings import Settings

_REFERENCE_SLOT: Final = 2.0


def slot_scale(slot_duration: float) -> float:
    """Return the factor by which waits for slots shrink with slots below one second, which make tests fast."""
    return slot_duration / _REFERENCE_SLOT if slot_duration < 1 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLogging:
    """The place and the level of the nodes' logs, and the receivers of traces and metrics.

    Without ``directory`` each node writes to files ``__logs.<hour>`` in its own directory. With it all nodes write
    there, to ``nomos-node-<index>.<hour>`` and ``nomos-executor-<index>.<hour>``. ``filters`` maps log targets to
    levels.
    """

    directory: Path | None = None
    level: str = "INFO"
    filters: Mapping[str, str] | None = None
    otlp_traces: str | None = None
    otlp_metrics: str | None = None

    @classmethod
    def of(cls, settings: Settings, *, directory: Path | None = None, metrics: str | None = None) -> Self:
        """Take the settings' level, filters and endpoints; ``metrics`` replaces the settings' endpoint of metrics."""
        return cls(
            directory=directory,
            level=(settings.log_level or ("debug" if settings.tests_tracing else "info")).upper(),
            filters=settings.log_filter,
            otlp_traces=settings.otlp_endpoint,
            otlp_metrics=metrics or settings.otlp_metrics_endpoint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailabilityTimes:
    """Durations of blob dispersal, verification and sampling, for slots of two seconds."""

    dispersal_timeout: float = 20.0
    retry_cooldown: float = 3.0
    share_duration: float = 5.0
    prune_duration: float = 30.0
    prune_interval: float = 5.0
    commitments_wait: float = 1.0
    old_blobs_check_interval: float = 5.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the durations that the environment asks for."""
        return cls(
            dispersal_timeout=settings.dispersal_timeout_seconds,
            retry_cooldown=settings.retry_cooldown_seconds,
            share_duration=settings.share_duration_seconds,
            prune_duration=settings.prune_duration_seconds,
            prune_interval=settings.prune_interval_seconds,
            commitments_wait=settings.commitments_wait_seconds,
        )

    def scaled(self, factor: float) -> Self:
        """Return all durations, multiplied by ``factor``."""
        return replace(self, **{item.name: getattr(self, item.name) * factor for item in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAvailabilityLimits:
    """The failures that the nodes' DA network accepts, and how long it remembers. Durations don't shrink with slots.

    The defaults hold on every deployer. A topology's own ``max_failures`` and ``malicious_threshold`` win over these.
    """

    max_failures: int = 0
    """A node leaves a peer alone after so many failures of one kind: dispersal, sampling or replication.

    To embedded nodes 0 means no limit. Real nodes leave the peer alone after the first failure.
    """
    malicious_threshold: int = 0
    """A node bans a peer for ever after so many failures; 0 as above."""
    failure_time_window: float = 5.0
    seen_message_cache_size: int = 1000
    seen_message_ttl: float = 3600.0
    shares_retry_limit: int = 1
    commitments_retry_limit: int = 1
    blobs_validity: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOptions:
    """Everything that decides about a node's configuration beside the topology, addresses and directories."""

    kzg_params: Path
    """The KZG parameters file, as the nodes see it."""
    logging: NodeLogging = NodeLogging()
    da_times: DataAvailabilityTimes = DataAvailabilityTimes()
    da_limits: DataAvailabilityLimits = DataAvailabilityLimits()
    offline_grace_period: float = 1200.0
    wallets_in_key_management: bool = True
    """Nodes hold the secret keys of all wallets."""
    use_autonat: bool = False
    """Nodes find out their own address. Otherwise their configuration says it."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        kzg_params: Path,
        log_directory: Path | None = None,
        metrics: str | None = None,
    ) -> Self:
        """Return the options that the settings ask for. All deployers, cfgsync and joining nodes use this function.

        Args:
            kzg_params: the parameters file, as the nodes see it.
            log_directory: the common directory of all log files; see ``NodeLogging``.
            metrics: where nodes push their metrics, if not where the settings say.
        """
        return cls(
            kzg_params=kzg_params,
            logging=NodeLogging.of(settings, directory=log_directory, metrics=metrics),
            da_times=DataAvailabilityTimes.of(settings),
            offline_grace_period=settings.grace_period_seconds,
            use_autonat=settings.use_autonat,
        )
