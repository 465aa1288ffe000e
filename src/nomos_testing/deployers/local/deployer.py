"""Runs a scenario's network as plain processes on this machine.

Order: preflight, run directory, configuration (while the node programs load), start of all nodes at once, readiness,
block feed. Whatever fails, nothing is left running, and what explains the failure stays in the run directory.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Unpack

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.planning import NetworkPlanner, plan_network
from nomos_testing.deployers.local.preflight import Prepared, prepare, with_faults
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.deployers.local.start import LocalStart
from nomos_testing.deployers.shared.base import DeployerOptions, ScenarioDeployer
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.fault_preflight import enabled_controls
from nomos_testing.deployers.shared.relay_setup import start_relay
from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.faults.fault import Control
from nomos_testing.journal.events import Notice
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario


class LocalDeployer(ScenarioDeployer):
    """A ``Deployer``.

    ```python
    async with LocalDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "local"
    capabilities = frozenset(Control)
    """Every kind of control: of nodes and of links."""

    def __init__(
        self,
        *,
        planner: NetworkPlanner | None = None,
        installation: Installation | None = None,
        **options: Unpack[DeployerOptions],
    ) -> None:
        """
        Args:
            planner: makes the network of a scenario; from its topology by default.
            installation: where the node programs are; that of this process by default.
            options: see ``DeployerOptions``.
        """
        super().__init__(**options)
        own_planner = partial(plan_network, surroundings=self._surroundings)
        self._planner: NetworkPlanner = own_planner if planner is None else planner
        self._installation = Installation.running() if installation is None else installation

    async def deploy(self, scenario: Scenario) -> Runner:
        # In a thread, because programs are asked what they are.
        prepared = await self._checked(asyncio.to_thread(self._prepare, scenario), scenario)
        async with self._opened_run(scenario) as run:
            run.note_environment(
                {role: str(program) for role, program in prepared.programs.items()}, proofs=prepared.prover.name
            )
            self._tell_of_unused_log_directory(run)
            start = LocalStart(run, prepared)
            with run.phases.phase("configure"):
                launcher = await start.launcher()
                planned = await start.plan(self._planner)
                nodes = [start.node(blueprint, launcher) for blueprint in planned.blueprints]
                for node in nodes:
                    await node.create()
            cluster = DeployedCluster(
                nodes,
                journal=run.journal,
                patience=run.patience,
                watch=run.background.watch,
                factory=start.joining(planned, launcher),
                metrics_url=run.settings.metrics_query_url,
            )
            with run.phases.phase("start"):
                planned.release_ports()
                if planned.sockets:
                    await start_relay(run, cluster, start.relay(planned))
                run.resources.push_async_callback(cluster.close)
                await run.background.guard(cluster.start_all())
            with run.phases.phase("ready"):
                membership_check = self._checks_membership(scenario)
                feed = await run.ready(cluster, planned.descriptors, membership_check=membership_check)
            return run.runner(cluster, planned.descriptors, feed, prepared.prover)

    def _prepare(self, scenario: Scenario) -> Prepared:
        wanted = {Role.VALIDATOR: scenario.topology.validators, Role.EXECUTOR: scenario.topology.executors}
        prepared = prepare(
            roles=frozenset(role for role, count in wanted.items() if count),
            settings=self._settings,
            runs_directory=self._runs_directory,
            environ=self._environ,
            installation=self._installation,
            needs_kzg=scenario.disperses_blobs,
        )
        return with_faults(
            prepared,
            scenario.faults,
            self._settings,
            enabled=enabled_controls(scenario),
            capabilities=self.capabilities,
        )

    def _tell_of_unused_log_directory(self, run: OpenRun) -> None:
        directory = self._settings.log_dir
        if directory is not None and not self._settings.tests_tracing:
            text = f"NOMOS_LOG_DIR={directory} is not used: set NOMOS_TESTS_TRACING=true, too, to keep node logs there"
            run.journal.write(Notice(text, "warning"))
