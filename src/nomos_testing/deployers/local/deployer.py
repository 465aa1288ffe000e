"""Runs a scenario's network as plain processes on this machine.

Order: preflight, run directory, configuration (while the node programs load), start of all nodes at once, readiness,
block feed. Whatever fails, nothing is left running, and what explains the failure stays in the run directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.planning import NetworkPlanner, plan_network
from nomos_testing.deployers.local.preflight import Prepared, prepare, with_faults
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.deployers.local.relay_setup import own_address_problem
from nomos_testing.deployers.local.start import BringUp
from nomos_testing.deployers.shared.base import ScenarioDeployer
from nomos_testing.deployers.shared.errors import PreflightError
from nomos_testing.deployers.shared.run_opening import SetUp
from nomos_testing.journal.journal import Listener
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings


class LocalDeployer(ScenarioDeployer):
    """A ``Deployer``.

    ```python
    async with LocalDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "local"
    """Name in the journal and in reports."""

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
            environ: what nodes inherit; ``os.environ`` by default.
            planner: makes the network of a scenario; from its topology by default.
            installation: where the node programs are; that of this process by default.

        The others as the base.
        """
        super().__init__(
            settings=settings,
            runs_directory=runs_directory,
            membership_check=membership_check,
            listeners=listeners,
            environ=environ,
        )
        self._planner = plan_network if planner is None else planner
        self._installation = Installation.running() if installation is None else installation

    async def deploy(self, scenario: Scenario) -> Runner:
        # In a thread, because programs are asked what they are.
        prepared = await asyncio.to_thread(self._prepare, scenario)

        async def bring_up(opened: SetUp) -> Runner:
            return await BringUp(opened, prepared).bring_up(
                self._planner, membership_check=self._checks_membership(scenario)
            )

        return await self._set_up(scenario, bring_up)

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
