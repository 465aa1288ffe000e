"""Plans a stack: its network, ports and images."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from nomos_core.config import dump_document
from nomos_testing.cfgsync.settings import CfgsyncConfig, RelaySection
from nomos_testing.configgen import ConfigOptions
from nomos_testing.deployers.compose.errors import ComposeError
from nomos_testing.deployers.compose.host_ports import PROMETHEUS_PORT, is_free, some_free_port
from nomos_testing.deployers.compose.preflight import Prepared
from nomos_testing.deployers.compose.publishing import bind_address, extra_host, grafana_password
from nomos_testing.deployers.compose.rendering import PROMETHEUS_ADDRESS
from nomos_testing.deployers.compose.stack import (
    CFGSYNC_PORT,
    Stack,
    StackName,
    StackNetwork,
    free_network,
    stack_nodes,
)
from nomos_testing.deployers.compose.workspace import let_containers_read
from nomos_testing.deployers.shared.container_configuration import (
    config_options,
    container_environment,
    container_kzg_params,
    log_directory,
)
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE
from nomos_testing.topology import with_sampling_delay

_CFGSYNC_SECONDS: Final = 180
"""Time that the server lets nodes wait for each other."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlanner:
    scenario: Scenario
    settings: Settings
    prepared: Prepared
    environ: Mapping[str, str]
    name: StackName
    relay_log: Path | None
    """Where a relay is to write its evidence; None: there is to be none."""
    rng: Random = THIS_MACHINE.rng
    """For what does not follow from the run's seed."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Labels that tell whose run it is."""

    def plan(self) -> Stack:
        """Make a plan with a network and with ports that are free at the moment.

        Raises:
            ComposeError: a port that was asked for is taken.
            OSError: no network is free.
        """
        network, prepared, settings = free_network(self.rng), self.prepared, self.settings
        return Stack(
            name=self.name,
            image=prepared.image,
            platform=prepared.platform,
            nodes=stack_nodes(self.scenario.topology, network),
            network=network,
            environment=container_environment(
                settings, self.environ, prover=prepared.prover, kzg_params=self._kzg_params
            ),
            bind_address=bind_address(settings),
            extra_host=extra_host(settings),
            kzg=prepared.kzg is not None,
            clocks=prepared.clock_library is not None,
            relay_log=self.relay_log,
            log_directory=log_directory(settings),
            prometheus=prepared.prometheus,
            prometheus_port=self._prometheus_port() if prepared.prometheus else 0,
            grafana_image=prepared.grafana_image,
            grafana_password=grafana_password(settings, self.rng),
            grafana_port=self._grafana_port() if prepared.grafana_image else 0,
            marks=self.marks,
        )

    def cfgsync(self, network: StackNetwork) -> CfgsyncConfig:
        """Return the configuration of the cfgsync server."""
        relay = RelaySection(host=network.relay) if self.relay_log is not None else None
        return CfgsyncConfig.for_network(
            with_sampling_delay(self.scenario.topology, self.settings),
            self.options,
            port=CFGSYNC_PORT,
            timeout=_CFGSYNC_SECONDS * (2 if self.settings.slow_environment else 1),
            prover=self.prepared.prover.name,
            relay=relay,
        )

    @property
    def options(self) -> ConfigOptions:
        prometheus = self.prepared.prometheus
        metrics = prometheus.push_endpoint(PROMETHEUS_ADDRESS) if prometheus is not None else None
        return config_options(self.settings, kzg_params=self._kzg_params, metrics=metrics)

    @property
    def _kzg_params(self) -> str:
        return container_kzg_params(self.settings, mounted=self.prepared.kzg is not None)

    def _prometheus_port(self) -> int:
        if self.settings.prometheus_port is None and is_free(PROMETHEUS_PORT):
            return PROMETHEUS_PORT
        return _port("TEST_FRAMEWORK_PROMETHEUS_PORT", self.settings.prometheus_port)

    def _grafana_port(self) -> int:
        return _port("COMPOSE_GRAFANA_PORT", self.settings.grafana_port)


def _port(variable: str, asked: int | None) -> int:
    if asked is None:
        return some_free_port()
    if not is_free(asked):
        raise ComposeError(
            f"{variable}={asked}: the port is taken on this host\n"
            "  -> free it, choose another, or unset the variable to have a free one chosen"
        )
    return asked


def write_cfgsync(stack_directory: Path, config: CfgsyncConfig) -> None:
    """
    Raises:
        ComposeError: it can't be written.
    """
    path = stack_directory / "cfgsync.yaml"
    try:
        path.write_text(dump_document(config), encoding="utf-8")
        let_containers_read(path)
        _log.debug("wrote the configuration of cfgsync: %s", path)
    except OSError as error:
        raise ComposeError(f"failed to update cfgsync configuration at {path}: {error.strerror}") from error
