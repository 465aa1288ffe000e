"""The containers' environment, configuration options, host entry and published address, from the caller's settings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from random import Random
from typing import Final

from nomos_core.proofs.prover import Prover
from nomos_core.proofs.selection import DEVELOPMENT_MODE_VARIABLE, PROVER_VARIABLE
from nomos_testing.cfgsync.settings import CONTAINER_KZG_PARAMS
from nomos_testing.configgen import ConfigOptions
from nomos_testing.deployers.compose.rendering import NODE_DIRECTORY
from nomos_testing.settings import Settings

_METRICS_INTERVAL: Final = "5000"
"""Milliseconds from one push of metrics to the next."""
_READ_BY_NODES: Final = ("NOMOS_PROPOSE_AT_ONCE", "RUST_BACKTRACE")
_PASSWORD_BYTES: Final = 15
_HOST_GATEWAY: Final = "host.docker.internal"


def container_environment(
    settings: Settings, environ: Mapping[str, str], *, prover: Prover, kzg_params: str
) -> dict[str, str]:
    """Return the variables that all nodes' containers have. The compose file adds those of each node."""
    environment = {
        DEVELOPMENT_MODE_VARIABLE: "false" if settings.pol_proof_dev_mode is False else "true",
        PROVER_VARIABLE: prover.name,
        "RUST_LOG": environ.get("RUST_LOG", "info"),
        "NOMOS_TIME_BACKEND": environ.get("NOMOS_TIME_BACKEND", "monotonic"),
        "NOMOS_KZGRS_PARAMS_PATH": kzg_params,
        "OTEL_METRIC_EXPORT_INTERVAL": _METRICS_INTERVAL,
    }
    if settings.log_level is not None:  # otherwise the configuration decides, and a restart may bring another one
        environment["NOMOS_LOG_LEVEL"] = settings.log_level
    if settings.log_dir is not None:
        environment["NOMOS_LOG_DIR"] = str(log_directory(settings))
    return environment | _passed_on(environ, _READ_BY_NODES)


def config_options(settings: Settings, *, kzg_params: str, metrics: str | None) -> ConfigOptions:
    """Return the options of nodes in containers. ``metrics`` is the stack's own Prometheus, if there is one."""
    return ConfigOptions.of(settings, kzg_params=Path(kzg_params), metrics=metrics)


def log_directory(settings: Settings) -> str | None:
    """Return the directory of a node's log files, in its container; None: it writes none."""
    return None if settings.log_dir is None else str(PurePosixPath(NODE_DIRECTORY) / settings.log_dir)


def container_kzg_params(settings: Settings, *, mounted: bool) -> str:
    """Return the path of the parameters in the containers. A named file that is not on the host is the image's."""
    return str(settings.kzg_params) if settings.kzg_params is not None and not mounted else CONTAINER_KZG_PARAMS


def extra_host(settings: Settings) -> str | None:
    """Return the containers' entry for the host; None for none."""
    if settings.host_gateway is not None:
        return None if settings.host_gateway.lower() in {"", "disable"} else settings.host_gateway
    return f"{_HOST_GATEWAY}:{settings.docker_host_gateway or 'host-gateway'}"


def bind_address(settings: Settings) -> str:
    """Return where ports are published: on loopback, unless they must be reached by another name."""
    return "127.0.0.1" if settings.container_host in {"127.0.0.1", "localhost"} else "0.0.0.0"


def grafana_password(settings: Settings, rng: Random) -> str | None:
    """Return the password of Grafana's user admin; None: Grafana's own default, which only loopback may have."""
    if settings.grafana_password:
        return settings.grafana_password
    if bind_address(settings) == "127.0.0.1":
        return None
    # Not from the run's seed, which everybody may know.
    return base64.urlsafe_b64encode(rng.randbytes(_PASSWORD_BYTES)).decode()


def _passed_on(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}
