"""The preflight of a stack: a daemon, a compose tool, an image for this machine, and assets must be there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nomos_core.proofs.prover import Prover
from nomos_testing.cfgsync.settings import CONTAINER_KZG_PARAMS
from nomos_testing.deployers.compose.compose_tool import ComposeTool, find_compose_tool
from nomos_testing.deployers.compose.docker import INSPECT_SECONDS, Docker
from nomos_testing.deployers.compose.errors import CommandFailed, ComposeError
from nomos_testing.deployers.compose.stack import MOST_NODES
from nomos_testing.deployers.shared.environment import find_prover, node_environment
from nomos_testing.deployers.shared.errors import PreflightError, Problem, outcome
from nomos_testing.deployers.shared.fault_preflight import (
    EMBEDDED_ONLY,
    clock_library,
    enabled_controls,
    refused_faults,
)
from nomos_testing.deployers.shared.kzg_parameters import (
    KzgParameters,
    find_kzg_parameters,
    kzg_params_file,
    kzg_params_places,
)
from nomos_testing.deployers.shared.stack_assets import find_assets
from nomos_testing.faults.fault import Control
from nomos_testing.observability.images import PrometheusImage, find_grafana, find_prometheus
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import DEFAULT_IMAGE, Settings

_AMD64_ONLY: Final = "ghcr.io/logos-co/nomos:testnet"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_BUILD: Final = "testing-framework/assets/stack/scripts/build_test_image.sh"
_KNOWN_PROGRAM: Final = "/usr/bin/nomos-node"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The result of the preflight."""

    docker: Docker
    tool: ComposeTool
    image: str
    platform: str | None
    assets: Path
    kzg: KzgParameters | None
    """None: the nodes take what their image has."""
    prover: Prover
    clock_library: Path | None
    prometheus: PrometheusImage | None = None
    """None: no such image is here, and metrics are not collected."""
    grafana_image: str | None = None


async def prepare(
    scenario: Scenario,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    root: Path,
    capabilities: Collection[Control] = frozenset(Control),
) -> Prepared:
    """Look for everything that the scenario needs. ``root`` is where the repository is expected.

    Raises:
        DockerUnavailable: there is no daemon.
        ComposeError: the image or the stack's assets are not there, or of no use.
        PreflightError: something else is missing; all of it is named.
    """
    docker = Docker(environ)
    info = await docker.info()
    _check_topology(scenario)
    tool, image, prometheus, grafana = await asyncio.gather(
        find_compose_tool(docker), docker.image(settings.image), find_prometheus(docker), find_grafana(docker)
    )
    _log.debug("preflight: Docker %s on %s", info.get("ServerVersion"), info.get("Architecture"))
    _log.debug("preflight: the compose tool: %s", outcome(tool, lambda known: " ".join(known.argv)))
    _log.debug("preflight: the image %s: %s", settings.image, "is not here" if image is None else image.get("Id"))
    _log.debug("preflight: images of Prometheus and Grafana: %s, %s", prometheus, grafana)
    check_image(settings.image, image, info)
    embedded = _Embedded(docker, settings.image)
    prover = find_prover({**environ, **node_environment(environ, settings)})
    library = clock_library(scenario.faults, settings)
    _log.debug("preflight: the prover: %s", outcome(prover, lambda known: known.name))
    fills_disks = bool(scenario.faults.needing(Control.DISK))
    found = {
        Control.CLOCK: library,
        Control.DISK: EMBEDDED_ONLY if fills_disks and not await embedded.ask() else None,
    }
    problems = [problem for problem in (tool, prover) if isinstance(problem, Problem)]
    problems += refused_faults(
        scenario.faults,
        enabled=enabled_controls(scenario),
        deployer="compose",
        capabilities=capabilities,
        obstacles={control: obstacle for control, obstacle in found.items() if isinstance(obstacle, Problem)},
    )
    if problems or isinstance(tool, Problem) or isinstance(prover, Problem) or isinstance(library, Problem):
        raise PreflightError(problems)
    assets = find_assets(root)
    kzg = await _kzg(scenario, settings, environ, embedded)
    _log.debug("preflight: assets of the stack: %s; KZG parameters: %s", assets, kzg or "those of the image")
    return Prepared(
        docker=docker,
        tool=tool,
        image=settings.image,
        platform="linux/amd64" if settings.image == _AMD64_ONLY else None,
        assets=assets,
        kzg=kzg,
        prover=prover,
        clock_library=library,
        prometheus=prometheus,
        grafana_image=grafana if prometheus is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Asks whether an image's nodes are the embedded ones. Each question runs a container."""

    docker: Docker
    image: str

    async def ask(self) -> bool:
        entry = ("run", "--rm", "--network", "none", "--entrypoint", "head", self.image, "-c", "2", _KNOWN_PROGRAM)
        return await self.docker.ask(*entry, timeout=INSPECT_SECONDS) == "#!"

    async def has_file(self, path: str) -> bool:
        entry = ("run", "--rm", "--network", "none", "--entrypoint", "test", self.image, "-s", path)
        try:
            await self.docker.ask(*entry, timeout=INSPECT_SECONDS)
        except CommandFailed:
            return False
        return True


def _check_topology(scenario: Scenario) -> None:
    spec = scenario.topology
    counts = f"(validators={spec.validators}, executors={spec.executors})"
    if spec.validators == 0:
        raise ComposeError(f"compose runner requires at least one validator {counts}")
    if spec.node_count > MOST_NODES:
        raise ComposeError(f"compose runner takes at most {MOST_NODES} nodes {counts}")


def check_image(name: str, image: Mapping[str, Any] | None, info: Mapping[str, Any]) -> None:
    """
    Raises:
        ComposeError: there is no such image, or it is for another processor than the daemon's.
    """
    if image is None:
        raise ComposeError(
            f"failed to prepare docker image: docker image '{name}' is not available; "
            f"set NOMOS_TESTNET_IMAGE or build the image manually\n  -> {_BUILD} makes {DEFAULT_IMAGE}"
        )
    machine = str(info.get("Architecture", ""))
    wanted, found = _ARCHITECTURES.get(machine, machine), image.get("Architecture")
    if found != wanted and name != _AMD64_ONLY:
        raise ComposeError(
            f"failed to prepare docker image: docker image '{name}' is for {found}, the Docker host is {wanted}\n"
            f"  -> build it for this machine with {_BUILD}, or set NOMOS_TESTNET_IMAGE to one that is"
        )


async def _kzg(
    scenario: Scenario, settings: Settings, environ: Mapping[str, str], embedded: _Embedded
) -> KzgParameters | None:
    """Find the parameters: the host's file, else the image's, else a test set-up that is made here if a node needs one.

    Embedded nodes need the file for blobs only. The real node reads it when it starts, and serves no HTTP without it.
    """
    blobs = scenario.disperses_blobs
    named = settings.kzg_params
    if (
        named is not None
        and not kzg_params_file(named).is_file()
        and (not blobs or await embedded.has_file(str(named)))
    ):
        return None  # it is a file of the image
    found = find_kzg_parameters(settings, kzg_params_places(environ), blobs=blobs)
    if isinstance(found, Problem):
        raise PreflightError([found])
    if found.path.is_file():
        return found
    needed = blobs or not await embedded.ask()
    return replace(found, to_be_made=True) if needed and not await embedded.has_file(CONTAINER_KZG_PARAMS) else None
