"""Where a run's metrics can be asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Telemetry:
    _prometheus_url: str | None = None

    def prometheus_endpoint(self) -> str | None:
        """Base URL of a Prometheus server; None where the deployer brings none (local processes)."""
        return self._prometheus_url
