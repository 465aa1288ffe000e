"""Writes the manifests of a scenario's network as files that ``kubectl apply -f DIRECTORY`` takes.

The network starts by itself when they are applied, and runs until they are deleted. It has no relay, because nobody is
there to impair its links, and no workloads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from nomos_testing.deployers.k8s import manifests
from nomos_testing.deployers.k8s.manifests import Manifest
from nomos_testing.deployers.k8s.plan import NetworkPlan
from nomos_testing.deployers.k8s.planning import NetworkPlanner, cfgsync_text
from nomos_testing.deployers.k8s.preflight import find_kzg, prepare_here
from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.faults.fault import Control
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import Surroundings

_EXPORTED: Final = "exported"


def write_manifests(
    scenario: Scenario,
    directory: Path,
    *,
    settings: Settings,
    environ: Mapping[str, str],
    root: Path,
    capabilities: Collection[Control],
    surroundings: Surroundings,
) -> list[Path]:
    """Write one file for each kind of object. Their names sort in the order in which they are applied.

    Raises:
        PreflightError: something is missing on this machine.
        DeployError: the files cannot be written.
    """
    prepared = prepare_here(
        scenario,
        settings,
        environ,
        root=root,
        capabilities=capabilities,
        kzg=find_kzg(scenario, settings, environ, machines=()),
    )
    planner = NetworkPlanner(
        scenario=scenario, settings=settings, prepared=prepared, environ=environ, surroundings=surroundings
    )
    plan = planner.plan(_EXPORTED, for_the_runner=False)
    files = _files(plan, cfgsync_text(planner.cfgsync(plan)))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, objects in files.items():
            (directory / name).write_text(_text(objects), encoding="utf-8")
    except OSError as error:
        raise DeployError(f"the manifests cannot be written to {directory}: {error.strerror}") from error
    return [directory / name for name in files]


def _files(plan: NetworkPlan, cfgsync: str) -> dict[str, Sequence[Manifest]]:
    files: dict[str, Sequence[Manifest]] = {}
    if plan.owns_namespace:
        files["00-namespace.yaml"] = [manifests.namespace(plan)]
    files["10-config-maps.yaml"] = [*manifests.config_maps(plan), manifests.cfgsync_config_map(plan, cfgsync)]
    files["20-services.yaml"] = manifests.services(plan)
    auxiliary = [manifests.cfgsync_pod(plan)]
    files["30-pods.yaml"] = [*auxiliary, *(manifests.node_pod(plan, node) for node in plan.nodes)]
    return files


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _as_block)


def _text(objects: Sequence[Manifest]) -> str:
    text: str = yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True)
    return text
