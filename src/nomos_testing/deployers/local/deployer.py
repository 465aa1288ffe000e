"""Runs a scenario's network as plain processes on this machine.

Order: preflight, run directory, configuration (while the node programs load), start of all nodes at once, readiness,
block feed. Whatever fails, nothing is left running, and what explains the failure stays in the run directory.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.errors import PreflightError
from nomos_testing.deployers.local.bring_up import BringUp
from nomos_testing.deployers.local.planning import NetworkPlanner, plan_network
from nomos_testing.deployers.local.preflight import Prepared, prepare, with_faults
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.deployers.local.relaying import own_address_problem
from nomos_testing.deployers.set_up import SetUp, set_up
from nomos_testing.runtime.journal import Listener
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings


class LocalDeployer:
    """A ``Deployer``.

    ```python
    async with LocalDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "local"

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        runs_directory: Path = DEFAULT_RUNS_DIRECTORY,
        membership_check: bool | None = None,
        listeners: Sequence[Listener] = (),
        environ: Mapping[str, str] | None = None,
        planner: NetworkPlanner | None = None,
        installation: Installation | None = None,
    ) -> None:
        """
        Args:
            settings: what the environment asks for; read from ``os.environ`` by default.
            membership_check: wait for data availability memberships and subnetworks too; where the scenario
                disperses blobs by default.
            listeners: called with every entry of the journal, from its first.
            environ: what nodes inherit; ``os.environ`` by default.
            planner: makes the network of a scenario; from its topology by default.
            installation: where the node programs are; that of this process by default.
        """
        self._settings = Settings.from_environ() if settings is None else settings
        self._runs_directory = runs_directory
        self._membership_check = membership_check
        self._listeners = tuple(listeners)
        self._environ = os.environ if environ is None else environ
        self._planner = plan_network if planner is None else planner
        self._installation = Installation.running() if installation is None else installation

    @asynccontextmanager
    async def deployed(self, scenario: Scenario) -> AsyncIterator[Runner]:
        """Deploy, and tear everything down on leaving the block, however it is left."""
        async with await self.deploy(scenario) as runner:
            yield runner

    async def deploy(self, scenario: Scenario) -> Runner:
        """Bring the network up and wait until it is ready.

        Raises:
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """
        prepared = self._prepare(scenario)

        async def bring_up(opened: SetUp) -> Runner:
            return await BringUp(opened, prepared).bring_up(
                self._planner, membership_check=self._checks_membership(scenario)
            )

        return await set_up(
            self.name,
            scenario,
            self._settings,
            runs_directory=self._runs_directory,
            listeners=self._listeners,
            bring_up=bring_up,
        )

    def _prepare(self, scenario: Scenario) -> Prepared:
        if scenario.network_control and (problem := own_address_problem()):
            raise PreflightError([problem])
        wanted = {Role.VALIDATOR: scenario.topology.validators, Role.EXECUTOR: scenario.topology.executors}
        prepared = prepare(
            roles=frozenset(role for role, count in wanted.items() if count),
            settings=self._settings,
            runs_directory=self._runs_directory,
            environ=self._environ,
            installation=self._installation,
            needs_kzg=scenario.disperses_blobs,
        )
        return with_faults(prepared, scenario.faults, self._settings)

    def _checks_membership(self, scenario: Scenario) -> bool:
        return scenario.disperses_blobs if self._membership_check is None else self._membership_check
