"""Networks of embedded nodes in containers, for tests: deployed by the framework on the daemon that answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nomos_testing import Runner, Scenario
from nomos_testing.deployers.compose.deployer import ComposeDeployer
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.settings import Settings
from support.processes.docker_daemon import docker
from support.processes.live_network import live_environment
from support.repository.repository_copy import REPOSITORY


def stack_deployer(directory: Path, image: str, *, root: Path = REPOSITORY, **variables: str) -> ComposeDeployer:
    """Deploys below ``directory`` and keeps all that is kept; ``variables`` join the environment."""
    environ = live_environment(NOMOS_TESTNET_IMAGE=image, **variables)
    settings = Settings.from_environ({**environ, "NOMOS_TESTS_KEEP_LOGS": "1"})
    return ComposeDeployer(settings=settings, runs_directory=directory, environ=environ, root=root)


@asynccontextmanager
async def live_stack(directory: Path, image: str, scenario: Scenario, **variables: str) -> AsyncIterator[Runner]:
    async with stack_deployer(directory, image, **variables).deployed(scenario) as runner:
        yield runner


def leftovers() -> list[str]:
    """Containers, networks and volumes of any stack."""
    label = ("--filter", f"label={RUN_LABEL}")
    return [
        *docker("ps", "--all", "--format", "{{.Names}}", *label).split(),
        *docker("network", "ls", "--format", "{{.Name}}", *label).split(),
        *docker("volume", "ls", "--format", "{{.Name}}", *label).split(),
    ]
