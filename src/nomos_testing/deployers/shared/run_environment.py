"""The machine and the programs of a run, for its journal."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import psutil

from nomos_testing.cluster.roles import Role
from nomos_testing.journal.events import RunEnvironment
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

PACKAGE: Final = "logos-blockchain-testing"


def run_environment(settings: Settings, nodes: Mapping[str, str], *, proofs: str) -> RunEnvironment:
    """Describe this machine, and what the run is made of.

    Args:
        nodes: the program or image of each role.
        proofs: name of the prover.
    """
    return RunEnvironment(
        version=package_version(),
        python=platform.python_version(),
        system=platform.platform(),
        processors=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        nodes=nodes,
        proofs=proofs,
        settings=settings.changed(),
    )


def package_version() -> str:
    """Return the version of this package; ``not installed`` where its sources run without an installation."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "not installed"


def nodes_of_image(scenario: Scenario, settings: Settings) -> Mapping[str, str]:
    """Return the image as what runs in each role that the scenario has."""
    counts = {Role.VALIDATOR: scenario.topology.validators, Role.EXECUTOR: scenario.topology.executors}
    return {role: settings.image for role, count in counts.items() if count}
