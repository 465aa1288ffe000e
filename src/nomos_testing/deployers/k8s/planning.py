"""Makes the plan of a run's network, and the configuration of its cfgsync server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from nomos_core.config import dump_document
from nomos_testing.cfgsync.settings import CfgsyncConfig, RelaySection
from nomos_testing.deployers.k8s import pod_supervisor
from nomos_testing.deployers.k8s.manifests import PROMETHEUS, PROMETHEUS_PORT
from nomos_testing.deployers.k8s.plan import (
    LARGEST_CONFIG_MAP,
    SPARE_SECONDS,
    NetworkPlan,
    Placement,
    fresh_release,
    node_pods,
)
from nomos_testing.deployers.k8s.preflight import Prepared
from nomos_testing.deployers.shared.container_configuration import (
    config_options,
    container_environment,
    container_kzg_params,
    log_directory,
)
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import Surroundings
from nomos_testing.topology import with_sampling_delay

DEFAULT_REQUESTS: Final = {"cpu": "10m", "memory": "64Mi"}
_CFGSYNC_PORT: Final = 4400
_CFGSYNC_SECONDS: Final = 300
"""Time that the server lets nodes wait for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlanner:
    scenario: Scenario
    settings: Settings
    prepared: Prepared
    environ: Mapping[str, str]
    surroundings: Surroundings
    kept_seconds: float = 0.0
    """How long the network may stay up after the verdict."""

    def plan(self, run_id: str, *, for_the_runner: bool = True, marks: Mapping[str, str] | None = None) -> NetworkPlan:
        """Make the plan.

        Args:
            marks: annotations that tell whose run it is; none by default.
            for_the_runner: nodes wait until the runner starts them, and end by themselves if it does not. False: they
                run as soon as their manifests are applied.
        """
        settings, prepared, scenario = self.settings, self.prepared, self.scenario
        release = fresh_release(self.surroundings.rng)
        lifetime = None
        if for_the_runner and not settings.k8s_preserve:
            lifetime = int(2 * scenario.duration + SPARE_SECONDS + self.kept_seconds)
        prometheus = prepared.prometheus
        return NetworkPlan(
            release=release,
            run_id=run_id,
            namespace=settings.k8s_namespace or release,
            owns_namespace=settings.k8s_namespace is None,
            expires=None if lifetime is None else self.surroundings.utc() + timedelta(seconds=lifetime),
            lifetime=lifetime,
            image=settings.image,
            pull_policy=settings.image_pull_policy,
            nodes=node_pods(scenario.topology),
            environment=container_environment(
                settings, self.environ, prover=prepared.prover, kzg_params=self._kzg_params
            ),
            placement=placement(scenario, settings),
            scripts=_scripts(prepared.assets),
            cfgsync_port=settings.cfgsync_port or _CFGSYNC_PORT,
            kzg=prepared.kzg_file,
            clock_library=None if prepared.clock_library is None else prepared.clock_library.read_bytes(),
            relay=for_the_runner and scenario.network_control,
            hold=for_the_runner,
            log_directory=log_directory(settings),
            prometheus=prometheus,
            prometheus_config="" if prometheus is None else _prometheus_config(prepared.assets),
            marks=marks or {},
        )

    def cfgsync(self, plan: NetworkPlan, *, relay: str | None = None) -> CfgsyncConfig:
        """Return the configuration of the cfgsync server. ``relay`` is the address of the relay's pod."""
        prometheus = plan.prometheus
        metrics = None if prometheus is None else prometheus.push_endpoint(f"{PROMETHEUS}:{PROMETHEUS_PORT}")
        return CfgsyncConfig.for_network(
            with_sampling_delay(self.scenario.topology, self.settings),
            config_options(self.settings, kzg_params=self._kzg_params, metrics=metrics),
            port=plan.cfgsync_port,
            timeout=_CFGSYNC_SECONDS * (2 if self.settings.slow_environment else 1),
            prover=self.prepared.prover.name,
            relay=None if relay is None else RelaySection(host=relay),
        )

    @property
    def _kzg_params(self) -> str:
        return container_kzg_params(self.settings, mounted=self.prepared.kzg is not None)


def cfgsync_text(config: CfgsyncConfig) -> str:
    """Return the text of ``cfgsync.yaml``.

    Raises:
        DeployError: it does not fit into a ConfigMap.
    """
    text = dump_document(config)
    size = len(text.encode())
    if size > LARGEST_CONFIG_MAP:
        accounts = len(config.wallet.accounts)
        raise DeployError(
            f"the configuration of cfgsync has {size} bytes, and a ConfigMap takes {LARGEST_CONFIG_MAP}\n"
            f"  -> use fewer wallets than {accounts}: about {accounts * LARGEST_CONFIG_MAP // size} fit"
        )
    return text


def placement(scenario: Scenario, settings: Settings) -> Placement:
    """Return how pods are placed. Variables win over the scenario."""
    asked = scenario.k8s
    return Placement(
        requests=settings.k8s_requests or asked.requests or DEFAULT_REQUESTS,
        limits=settings.k8s_limits or asked.limits,
        node_selector=settings.k8s_node_selector or asked.node_selector,
        spread=asked.spread if settings.k8s_spread is None else settings.k8s_spread,
        service_account=settings.k8s_service_account,
    )


def _scripts(assets: Path) -> dict[str, str]:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in sorted((assets / "scripts").glob("*.sh"))}
    scripts.pop("build_test_image.sh", None)
    supervisor = Path(pod_supervisor.__file__)
    return scripts | {supervisor.name: supervisor.read_text(encoding="utf-8")}


def _prometheus_config(assets: Path) -> str:
    return (assets / "monitoring" / "prometheus.yml").read_text(encoding="utf-8")
