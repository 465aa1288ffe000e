"""Runs a scenario's network in containers of one compose project.

Order: preflight, workspace, containers (with other ports where one is taken), host ports, readiness, block feed.
Whatever fails, nothing is left of the stack, and what explains the failure stays in the run directory; with
``COMPOSE_RUNNER_PRESERVE`` the stack stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nomos_testing.deployers.compose.bring_up import BringUp
from nomos_testing.deployers.compose.preflight import prepare
from nomos_testing.deployers.set_up import SetUp, set_up
from nomos_testing.runtime.journal import Listener
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings


class ComposeDeployer:
    """A ``Deployer``.

    ```python
    async with ComposeDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "compose"

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        runs_directory: Path = DEFAULT_RUNS_DIRECTORY,
        membership_check: bool | None = None,
        listeners: Sequence[Listener] = (),
        environ: Mapping[str, str] | None = None,
        root: Path | None = None,
    ) -> None:
        """
        Args:
            settings: what the environment asks for; read from ``os.environ`` by default.
            membership_check: wait for data availability memberships and subnetworks too; where the scenario
                disperses blobs by default.
            listeners: called with every entry of the journal, from its first.
            environ: what ``docker`` is run with; ``os.environ`` by default.
            root: the repository, for the stack's assets; the running directory by default.
        """
        self._settings = Settings.from_environ() if settings is None else settings
        self._runs_directory = runs_directory
        self._membership_check = membership_check
        self._listeners = tuple(listeners)
        self._environ = os.environ if environ is None else environ
        self._root = Path() if root is None else root

    @asynccontextmanager
    async def deployed(self, scenario: Scenario) -> AsyncIterator[Runner]:
        """Deploy, and tear everything down on leaving the block, however it is left."""
        async with await self.deploy(scenario) as runner:
            yield runner

    async def deploy(self, scenario: Scenario) -> Runner:
        """Bring the network up and wait until it is ready.

        Raises:
            DockerUnavailable: there is no Docker daemon that answers.
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """
        prepared = await prepare(scenario, self._settings, self._environ, root=self._root)

        async def bring_up(opened: SetUp) -> Runner:
            return await BringUp(opened, prepared, self._environ).bring_up(
                membership_check=self._checks_membership(scenario)
            )

        return await set_up(
            self.name,
            scenario,
            self._settings,
            runs_directory=self._runs_directory,
            listeners=self._listeners,
            bring_up=bring_up,
        )

    def _checks_membership(self, scenario: Scenario) -> bool:
        return scenario.disperses_blobs if self._membership_check is None else self._membership_check
