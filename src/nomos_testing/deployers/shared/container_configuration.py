"""The environment and the configuration options of nodes in containers, from the caller's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from nomos_core.proofs.prover import Prover
from nomos_core.proofs.selection import DEVELOPMENT_MODE_VARIABLE, PROVER_VARIABLE
from nomos_testing.cfgsync.settings import CONTAINER_KZG_PARAMS
from nomos_testing.configgen import ConfigOptions
from nomos_testing.settings import Settings

NODE_DIRECTORY: Final = "/var/lib/nomos"
"""Where a node keeps its configuration and its data. The image's user may write there, and to few other places."""
_METRICS_INTERVAL: Final = "5000"
"""Milliseconds from one push of metrics to the next."""
_READ_BY_NODES: Final = ("NOMOS_PROPOSE_AT_ONCE", "RUST_BACKTRACE")


def container_environment(
    settings: Settings, environ: Mapping[str, str], *, prover: Prover, kzg_params: str
) -> dict[str, str]:
    """Return the variables that all nodes' containers have. Each deployer adds those of each node."""
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
    """Return the options of nodes in containers. ``metrics``: the place where the run's own Prometheus takes them."""
    return ConfigOptions.of(settings, kzg_params=Path(kzg_params), metrics=metrics)


def log_directory(settings: Settings) -> str | None:
    """Return the directory of a node's log files, in its container; None: it writes none."""
    return None if settings.log_dir is None else str(PurePosixPath(NODE_DIRECTORY) / settings.log_dir)


def container_kzg_params(settings: Settings, *, mounted: bool) -> str:
    """Return the path of the parameters in the containers. A named file that is not on the host is the image's."""
    return str(settings.kzg_params) if settings.kzg_params is not None and not mounted else CONTAINER_KZG_PARAMS


def _passed_on(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}
