"""Runs a scenario's network in containers of one compose project.

Order: preflight, workspace, containers (with other ports where one is taken), host ports, readiness, block feed.
Whatever fails, nothing is left of the stack, and what explains the failure stays in the run directory; with
``COMPOSE_RUNNER_PRESERVE`` the stack stays as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from nomos_testing.deployers.compose.preflight import prepare
from nomos_testing.deployers.compose.start import READINESS_SECONDS, ComposeStart
from nomos_testing.deployers.shared.base import DeployerOptions, ScenarioDeployer
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.run_environment import nodes_of_image
from nomos_testing.faults.fault import Control
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario


class ComposeDeployer(ScenarioDeployer):
    """A ``Deployer``.

    ```python
    async with ComposeDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "compose"
    capabilities = frozenset(Control)
    """Every kind of control: of nodes and of links."""

    def __init__(self, *, root: Path | None = None, **options: Unpack[DeployerOptions]) -> None:
        """
        Args:
            root: the repository, for the stack's assets; the working directory by default.
            options: see ``DeployerOptions``.
        """
        super().__init__(**options)
        self._root = Path() if root is None else root

    async def deploy(self, scenario: Scenario) -> Runner:
        """
        Raises:
            DockerUnavailable: there is no Docker daemon that answers.
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """
        preflight = prepare(scenario, self._settings, self._environ, root=self._root, capabilities=self.capabilities)
        prepared = await self._checked(preflight, scenario)
        async with self._opened_run(scenario) as run:
            run.note_environment(nodes_of_image(scenario, self._settings), proofs=prepared.prover.name)
            start = ComposeStart(run, prepared, self._environ)
            with run.phases.phase("configure"):
                tools = await start.tools()
            with run.phases.phase("start"):
                stack = await start.stack(tools)
                cluster = DeployedCluster(
                    stack.nodes,
                    journal=run.journal,
                    patience=run.patience,
                    watch=run.background.watch,
                    metrics_url=stack.metrics_url,
                    readiness_seconds=READINESS_SECONDS,
                )
                run.resources.push_async_callback(cluster.close)
                network = await run.background.guard(start.network(stack, cluster))
                cluster.control.factory = stack.joining(network)
            with run.phases.phase("ready"):
                start.write_plan(stack)
                start.keep_configurations(stack, network)
                feed = await run.ready(cluster, network, membership_check=self._checks_membership(scenario))
            return run.runner(cluster, network, feed, prepared.prover)
