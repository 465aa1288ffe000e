"""Runs a scenario's network as plain processes on this machine.

Order: preflight, run directory, configuration (while the node programs load), start of all nodes at once, readiness,
block feed. Whatever fails, nothing is left running, and what explains the failure stays in the run directory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.errors import DeployError, PreflightError, Problem, persisting
from nomos_testing.deployers.local.child_process import Launcher, LaunchError
from nomos_testing.deployers.local.cluster import LocalCluster
from nomos_testing.deployers.local.direct_launcher import DirectLauncher
from nomos_testing.deployers.local.fork_server import ForkServer
from nomos_testing.deployers.local.log_files import LogFiles
from nomos_testing.deployers.local.node import LocalNode, NodeBlueprint
from nomos_testing.deployers.local.planning import NetworkPlanner, plan_network
from nomos_testing.deployers.local.preflight import Prepared, prepare, refuse_for_real_nodes
from nomos_testing.deployers.local.programs import Installation
from nomos_testing.deployers.local.reaping import Reaper
from nomos_testing.runtime.block_feed import BlockFeed, BlockFeedError, poll_interval
from nomos_testing.runtime.errors import described
from nomos_testing.runtime.journal import Journal, Listener
from nomos_testing.runtime.journal_events import Notice, RunEnded, RunStarted, WaitEnded
from nomos_testing.runtime.machine import Patience, measured_machine_factor
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.readiness import (
    READINESS_SECONDS,
    MembershipAssigned,
    NetworkConnected,
    ReadinessCheck,
    SubnetworksConnected,
)
from nomos_testing.runtime.run_directory import DEFAULT_RUNS_DIRECTORY, RunDirectory
from nomos_testing.runtime.runner import Deployment, Runner
from nomos_testing.runtime.waiting import WaitTimeout, wait_until
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

FORK_SERVER_LOG = "fork-server.log"
_EXPLAINED = (BlockFeedError, DeployError, LaunchError, OSError, WaitTimeout)


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
        membership_check: bool = False,
        listeners: Sequence[Listener] = (),
        environ: Mapping[str, str] | None = None,
        planner: NetworkPlanner | None = None,
        installation: Installation | None = None,
    ) -> None:
        """
        Args:
            settings: what the environment asks for; read from ``os.environ`` by default.
            membership_check: wait for data availability memberships and subnetworks too.
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
        self._write_notices(journal)
        bringing_up = _BringingUp(
            settings=self._settings,
            scenario=scenario,
            prepared=prepared,
            run_directory=run_directory,
            journal=journal,
            patience=patience,
            phases=Phases(journal),
        )
        try:
            return await bringing_up.bring_up(self._planner, membership_check=self._membership_check)
        except BaseException as error:
            journal.write(RunEnded(_outcome(error), described(error), str(run_directory.path)))
            journal.close()
            if not isinstance(error, _EXPLAINED):
                raise
            failure = error if isinstance(error, DeployError) else DeployError(_explained(error, run_directory))
            failure.run_directory = run_directory.path
            raise failure from error.__cause__

    def _prepare(self, scenario: Scenario) -> Prepared:
        if scenario.network_control:
            what = f"{scenario.name} wants control of the links between nodes, which the local deployer does not offer"
            raise PreflightError([Problem(what, "leave out enable_network_control()")])
        wanted = {Role.VALIDATOR: scenario.topology.validators, Role.EXECUTOR: scenario.topology.executors}
        return prepare(
            roles=frozenset(role for role, count in wanted.items() if count),
            settings=self._settings,
            runs_directory=self._runs_directory,
            environ=self._environ,
            installation=self._installation,
        )

    def _write_notices(self, journal: Journal) -> None:
        for warning in self._settings.warnings:
            journal.write(Notice(warning, "warning"))
        if self._settings.pol_proof_dev_mode is None:
            journal.write(Notice("POL_PROOF_DEV_MODE is not set; assuming true (development proofs)", "warning"))


@dataclass(slots=True, kw_only=True)
class _BringingUp:
    """One deployment on its way up; everything it opens is closed again where it does not get there."""

    settings: Settings
    scenario: Scenario
    prepared: Prepared
    run_directory: RunDirectory
    journal: Journal
    patience: Patience
    phases: Phases

    async def bring_up(self, planner: NetworkPlanner, *, membership_check: bool) -> Runner:
        async with AsyncExitStack() as resources:
            reaper = Reaper(self.journal.path, self.journal.opened)
            resources.callback(reaper.dismiss)
            with self.phases.phase("configure"):
                launcher = await self._launcher(reaper)
                resources.push_async_callback(launcher.close)
                planned = await asyncio.to_thread(
                    planner, self.scenario, self.run_directory, self.settings, self.prepared.prover
                )
                resources.callback(planned.release_ports)
                if not self.prepared.all_embedded:
                    refuse_for_real_nodes(self.prepared, planned.descriptors)
                nodes = [self._node(blueprint) for blueprint in planned.blueprints]
                self.run_directory.write_plan(self._plan_record(planned.blueprints))
            cluster = LocalCluster(
                nodes, launcher=launcher, reaper=reaper, journal=self.journal, patience=self.patience
            )
            resources.push_async_callback(cluster.close)
            with self.phases.phase("start"):
                planned.release_ports()
                await cluster.start_all()
            with self.phases.phase("ready"):
                for check in _checks(nodes, membership_check):
                    await cluster.while_alive(self._wait(check), nodes)
            feed = BlockFeed(
                [node.client for node in nodes], poll_seconds=poll_interval(self.scenario.metrics.slot_duration)
            )
            resources.push_async_callback(feed.close)
            await feed.start()
            deployment = Deployment(
                plan=RunPlan(
                    topology=self.scenario.topology,
                    metrics=self.scenario.metrics,
                    seed=self.scenario.seed,
                    node_control=self.scenario.node_control,
                    network_control=self.scenario.network_control,
                ),
                descriptors=planned.descriptors,
                cluster=cluster,
                block_feed=feed,
                journal=self.journal,
                phases=self.phases,
                prover=self.prepared.prover,
                run_directory=self.run_directory,
                keep_everything=self.settings.keep_logs,
                resources=resources.pop_all(),
            )
            return Runner(deployment, self.scenario.workloads, self.scenario.expectations)

    async def _launcher(self, reaper: Reaper) -> Launcher:
        if not self.prepared.all_embedded:
            return DirectLauncher()
        server = ForkServer(
            self.prepared.fork_server,
            stderr=self.run_directory.path / FORK_SERVER_LOG,
            env=self.prepared.environment,
        )
        await server.start()
        assert server.pid is not None
        reaper.watch_group(server.pid)
        return server

    def _node(self, blueprint: NodeBlueprint) -> LocalNode:
        node = LocalNode(
            blueprint=blueprint,
            program=self.prepared.programs[blueprint.role].path,
            directory=self.run_directory.node(blueprint.name),
            environment=self.prepared.environment,
            logs=LogFiles(self.run_directory.path / blueprint.name, blueprint.log_directory, blueprint.log_prefix),
            client=NodeClient(blueprint.name, blueprint.url, testing_url=blueprint.testing_url),
        )
        node.write_files()
        return node

    async def _wait(self, check: ReadinessCheck) -> None:
        timeout = self.patience.seconds(READINESS_SECONDS)
        try:
            waited = await wait_until(check.waited_for, check.look, timeout=timeout, poll=check.poll)
        except WaitTimeout as error:
            self.journal.write(
                WaitEnded(waited_for=check.waited_for, seconds=timeout, last_seen=error.last_seen, fulfilled=False)
            )
            raise
        self.journal.write(
            WaitEnded(
                waited_for=check.waited_for,
                seconds=round(waited.seconds, 6),
                last_seen=waited.last_seen,
                fulfilled=True,
            )
        )

    def _plan_record(self, blueprints: Sequence[NodeBlueprint]) -> Mapping[str, object]:
        scenario = self.scenario
        return {
            "scenario": scenario.name,
            "seed": scenario.seed,
            "topology": asdict(scenario.topology),
            "metrics": asdict(scenario.metrics),
            "node_control": scenario.node_control,
            "workloads": [workload.name for workload in scenario.workloads],
            "expectations": [expectation.name for expectation in scenario.expectations],
            "programs": {role: str(program.path) for role, program in self.prepared.programs.items()},
            "prover": self.prepared.prover.name,
            "nodes": {each.name: {"url": each.url, "testing_url": each.testing_url} for each in blueprints},
        }


def _checks(nodes: Sequence[LocalNode], membership_check: bool) -> list[ReadinessCheck]:
    """A network of one node needs no peers."""
    checks: list[ReadinessCheck] = []
    if len(nodes) > 1:
        checks.append(NetworkConnected(nodes, {node.name: node.blueprint.expected_peers for node in nodes}))
    if membership_check:
        checks.append(MembershipAssigned(nodes))
        required = {node.name: node.blueprint.required_subnetworks for node in nodes}
        checks.append(SubnetworksConnected(nodes, required))
    return checks


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
