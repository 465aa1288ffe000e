"""Runs a scenario's network as plain processes on this machine.

Order: preflight, run directory, configuration (while the node programs load), start of all nodes at once, readiness,
block feed. Whatever fails, nothing is left running, and what explains the failure stays in the run directory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nomos_core.proofs.prover import ProofError
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.errors import DeployError, PreflightError, persisting
from nomos_testing.deployers.local.bring_up import BringUp
from nomos_testing.deployers.local.child_process import LaunchError
from nomos_testing.deployers.local.planning import NetworkPlanner, plan_network
from nomos_testing.deployers.local.preflight import Prepared, prepare, with_faults
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.deployers.local.relaying import own_address_problem
from nomos_testing.runtime.block_feed import BlockFeedError
from nomos_testing.runtime.errors import described
from nomos_testing.runtime.journal import Journal, Listener
from nomos_testing.runtime.journal_events import Notice, RunEnded, RunStarted
from nomos_testing.runtime.machine import Patience, measured_machine_factor
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY, RunDirectory
from nomos_testing.runtime.runner import Runner
from nomos_testing.runtime.waiting import WaitTimeout
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

_EXPLAINED = (BlockFeedError, DeployError, LaunchError, OSError, ProofError, WaitTimeout)
"""What may go wrong on the way up without being a defect of ours."""


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
        patience = Patience(measured_machine_factor(), self._settings.slow_environment)
        prepared = self._prepare(scenario)
        run_directory = RunDirectory.create(self._runs_directory, scenario.name)
        journal = Journal(run_directory.journal)
        for listener in self._listeners:
            journal.listen(listener)
        journal.write(_run_started(scenario, run_directory, self.name, patience))
        self._write_notices(journal, scenario)
        bring_up = BringUp(
            settings=self._settings,
            scenario=scenario,
            prepared=prepared,
            run_directory=run_directory,
            journal=journal,
            patience=patience,
            phases=Phases(journal),
        )
        try:
            return await bring_up.bring_up(self._planner, membership_check=self._checks_membership(scenario))
        except BaseException as error:
            journal.write(RunEnded(_outcome(error), described(error), str(run_directory.path)))
            journal.close()
            if not isinstance(error, _EXPLAINED):
                raise
            failure = error if isinstance(error, DeployError) else DeployError(_explained(error, run_directory))
            failure.run_directory = run_directory.path
            raise failure from error.__cause__

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

    def _write_notices(self, journal: Journal, scenario: Scenario) -> None:
        for notice in scenario.notices:
            journal.write(Notice(notice))
        for warning in self._settings.warnings:
            journal.write(Notice(warning, "warning"))
        if self._settings.pol_proof_dev_mode is None:
            journal.write(Notice("POL_PROOF_DEV_MODE is not set; assuming true (development proofs)", "warning"))


def _run_started(scenario: Scenario, run_directory: RunDirectory, deployer: str, patience: Patience) -> RunStarted:
    return RunStarted(
        run_id=run_directory.run_id,
        scenario=scenario.name,
        deployer=deployer,
        seed=scenario.seed,
        run_seconds=scenario.metrics.run_duration,
        slot_seconds=scenario.metrics.slot_duration,
        expected_blocks=scenario.metrics.expected_blocks,
        lottery_expected_blocks=scenario.metrics.lottery_expected_blocks,
        machine_factor=round(patience.machine_factor, 2),
        directory=str(run_directory.path),
    )


def _outcome(error: BaseException) -> str:
    return "interrupted" if isinstance(error, asyncio.CancelledError | KeyboardInterrupt) else "failed"


def _explained(error: BaseException, run_directory: RunDirectory) -> str:
    prefix = "readiness probe failed: " if isinstance(error, WaitTimeout) else ""
    return f"{prefix}{described(error)}\n{persisting(run_directory.path)}"
