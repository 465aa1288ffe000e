"""Runs a scenario's network in containers of one compose project.

Order: preflight, workspace, containers (with other ports where one is taken), host ports, readiness, block feed.
Whatever fails, nothing is left of the stack, and what explains the failure stays in the run directory; with
``COMPOSE_RUNNER_PRESERVE`` the stack stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nomos_testing.deployers.compose.preflight import prepare
from nomos_testing.deployers.compose.start import BringUp
from nomos_testing.deployers.shared.base import ScenarioDeployer
from nomos_testing.deployers.shared.run_opening import SetUp
from nomos_testing.journal.journal import Listener
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings


class ComposeDeployer(ScenarioDeployer):
    """A ``Deployer``.

    ```python
    async with ComposeDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "compose"
    """Name in the journal and in reports."""

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
        """``root``: the repository, for the stack's assets; the running directory by default. Else as the base."""
        super().__init__(
            settings=settings,
            runs_directory=runs_directory,
            membership_check=membership_check,
            listeners=listeners,
            environ=environ,
        )
        self._root = Path() if root is None else root

    async def deploy(self, scenario: Scenario) -> Runner:
        """
        Raises:
            DockerUnavailable: there is no Docker daemon that answers.
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """
        prepared = await prepare(scenario, self._settings, self._environ, root=self._root)

        async def bring_up(opened: SetUp) -> Runner:
            return await BringUp(opened, prepared, self._environ).bring_up(
                membership_check=self._checks_membership(scenario)
            )

        return await self._set_up(scenario, bring_up)
