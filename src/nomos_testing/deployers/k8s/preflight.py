"""The preflight of a run on a cluster: permissions, namespace, parameters, prover and clock library must be there."""

from __future__ import annotations

import logging
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from nomos_core.proofs.prover import Prover
from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.permissions import missing_permissions
from nomos_testing.deployers.k8s.plan import LARGEST_CONFIG_MAP, MOST_NODES, HostFile, node_pods, removal_command
from nomos_testing.deployers.k8s.refusals import refusal
from nomos_testing.deployers.shared.environment import find_prover, node_environment
from nomos_testing.deployers.shared.errors import DeployError, PreflightError, Problem, outcome
from nomos_testing.deployers.shared.fault_preflight import clock_library, enabled_controls, refused_faults
from nomos_testing.deployers.shared.kzg_parameters import KzgParameters, find_kzg_parameters, kzg_params_places
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.stack_assets import find_assets
from nomos_testing.faults.fault import Control
from nomos_testing.observability.images import OWN_PROMETHEUS, PUBLIC_PROMETHEUS, PrometheusImage
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

HOST_PATH: Final = "hostPath"
IN_IMAGE: Final = "inImage"

Machine = Mapping[str, Any]
"""A v1.Node."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The result of the preflight."""

    assets: Path
    prover: Prover
    kzg: KzgParameters | None
    """A file of the cluster's machines, which is also here; None: the nodes take those of their image."""
    clock_library: Path | None
    prometheus: PrometheusImage | None = None
    """None: no machine has such an image, and metrics are not collected."""

    @property
    def kzg_file(self) -> HostFile | None:
        return None if self.kzg is None else HostFile(self.kzg.path)


def check_topology(scenario: Scenario) -> None:
    """
    Raises:
        DeployError: the topology cannot run on a cluster.
    """
    spec = scenario.topology
    counts = f"(validators={spec.validators}, executors={spec.executors})"
    if spec.validators == 0:
        raise DeployError(f"kubernetes runner requires at least one validator {counts}")
    if spec.node_count > MOST_NODES:
        raise DeployError(f"kubernetes runner takes at most {MOST_NODES} nodes {counts}")


async def prepare(
    api: KubernetesApi,
    scenario: Scenario,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    root: Path,
    capabilities: Collection[Control],
) -> Prepared:
    """Look for everything that the scenario needs. ``root`` is where the repository is expected.

    Raises:
        DeployError: the stack's assets are not there.
        PreflightError: something else is missing; all of it is named.
    """
    machines = await known_machines(api)
    kzg = find_kzg(scenario, settings, environ, machines)
    problems = await missing_permissions(api, namespace=settings.k8s_namespace)
    problems += await _namespace_problems(api, scenario, settings)
    local = prepare_here(scenario, settings, environ, root=root, capabilities=capabilities, kzg=kzg, problems=problems)
    return Prepared(
        assets=local.assets,
        prover=local.prover,
        kzg=local.kzg,
        clock_library=local.clock_library,
        prometheus=find_prometheus(machines),
    )


def prepare_here(
    scenario: Scenario,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    root: Path,
    capabilities: Collection[Control],
    kzg: KzgParameters | Problem | None,
    problems: Sequence[Problem] = (),
) -> Prepared:
    """Look for what this machine must have, and report it with the ``problems`` that are known already.

    Raises:
        DeployError: the stack's assets are not there.
        PreflightError: something else is missing; all of it is named.
    """
    prover = find_prover({**environ, **node_environment(environ, settings)})
    library = _fitting(clock_library(scenario.faults, settings))
    _log.debug("preflight: the prover: %s", outcome(prover, lambda known: known.name))
    found = [problem for problem in (prover, kzg) if isinstance(problem, Problem)]
    found += refused_faults(
        scenario.faults,
        enabled=enabled_controls(scenario),
        deployer="k8s",
        capabilities=capabilities,
        obstacles={Control.CLOCK: library} if isinstance(library, Problem) else {},
    )
    if problems or found or isinstance(prover, Problem) or isinstance(library, Problem) or isinstance(kzg, Problem):
        raise PreflightError([*problems, *found])
    return Prepared(assets=find_assets(root), prover=prover, kzg=kzg, clock_library=library)


def find_kzg(
    scenario: Scenario, settings: Settings, environ: Mapping[str, str], machines: Sequence[Machine]
) -> KzgParameters | Problem | None:
    """Find the parameters that pods mount; None where they take those of their image.

    ``NOMOS_KZG_MODE`` decides. Without it, the pods mount the file of this machine if it is the cluster's only one.
    """
    mode = settings.kzg_mode
    if mode is None:
        mode = HOST_PATH if scenario.disperses_blobs and is_this_machine(machines) else IN_IMAGE
    _log.debug("preflight: KZG parameters: %s", mode)
    if mode == IN_IMAGE:
        return None
    found = find_kzg_parameters(settings, kzg_params_places(environ), blobs=scenario.disperses_blobs, real_nodes=True)
    if isinstance(found, KzgParameters) and found.path.is_file() and not found.path.stat().st_mode & stat.S_IROTH:
        remedy = f"allow it: chmod o+r {found.path}; or set NOMOS_KZG_MODE={IN_IMAGE}"
        return Problem(f"the KZG parameters at {found.path} cannot be read by the user of the pods", remedy)
    return found


def is_this_machine(machines: Sequence[Machine]) -> bool:
    """Tell whether the cluster has one machine, and this is it."""
    if len(machines) != 1:
        return False
    addresses = {str(entry["address"]) for entry in machines[0]["status"].get("addresses", ())}
    own = {address.address for interface in psutil.net_if_addrs().values() for address in interface}
    return bool(addresses & own)


def find_prometheus(machines: Sequence[Machine]) -> PrometheusImage | None:
    """Choose among the images of Prometheus that the cluster's machines have."""
    names = {
        name.removeprefix("docker.io/").removeprefix("library/")
        for machine in machines
        for image in machine["status"].get("images", ())
        for name in image.get("names") or ()
    }
    if PUBLIC_PROMETHEUS in names:
        return PrometheusImage(PUBLIC_PROMETHEUS, receives_otlp=True)
    # The API does not tell the labels of an image. Ours has no receiver where it is made of Debian's package.
    return PrometheusImage(OWN_PROMETHEUS, receives_otlp=False) if OWN_PROMETHEUS in names else None


async def known_machines(api: KubernetesApi) -> Sequence[Machine]:
    """Return the machines of the cluster; none where this account may not see them."""
    try:
        return list((await api.get("/api/v1/nodes"))["items"])
    except ApiError as error:  # a runner in one namespace may not see them
        _log.debug("preflight: the machines of the cluster are not known: %s", error)
        return []


async def _namespace_problems(api: KubernetesApi, scenario: Scenario, settings: Settings) -> list[Problem]:
    """Return why a namespace that the user names cannot be used."""
    namespace = settings.k8s_namespace
    if namespace is None:
        return []
    try:
        if await api.find(f"/api/v1/namespaces/{namespace}") is None:
            remedy = "make it: kubectl create namespace NAME; or unset K8S_NAMESPACE to have one made for each run"
            return [Problem(f"K8S_NAMESPACE={namespace}: the cluster {api.server} has no such namespace", remedy)]
    except ApiError as error:  # a runner in one namespace may not look at it
        _log.debug("preflight: the namespace %s cannot be looked at: %s", namespace, error)
    try:
        pods = (await api.get(f"/api/v1/namespaces/{namespace}/pods"))["items"]
    except ApiError as error:
        return [refusal(error, creating=f"pods in the namespace {namespace}")]
    names = {node.pod for node in node_pods(scenario.topology)}
    taken = {
        pod["metadata"]["name"]: pod["metadata"].get("labels", {}).get(RUN_LABEL, "nobody's run")
        for pod in pods
        if pod["metadata"]["name"] in names
    }
    if not taken:
        return []
    run = next(iter(taken.values()))
    command = removal_command(namespace, run)
    remedy = f"wait for its end, or remove it: {command}"
    return [Problem(f"the namespace {namespace} has pods of {run}: {', '.join(sorted(taken))}", remedy)]


def _fitting(library: Path | Problem | None) -> Path | Problem | None:
    if isinstance(library, Path) and library.stat().st_size > LARGEST_CONFIG_MAP:
        what = f"{library} has {library.stat().st_size} bytes, and a ConfigMap takes {LARGEST_CONFIG_MAP}"
        return Problem(what, "point NOMOS_TESTS_FAKETIME_LIB to a stripped libfaketime.so.1")
    return library
