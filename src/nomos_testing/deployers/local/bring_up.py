"""Brings one network up: configuration, start, readiness, block feed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import NetworkControl, NodeControlError, Role
from nomos_testing.deployers.local.child_process import Launcher
from nomos_testing.deployers.local.clock import CLOCK_NAME, NodeClock
from nomos_testing.deployers.local.cluster import LocalCluster
from nomos_testing.deployers.local.control import Newcomer
from nomos_testing.deployers.local.direct_launcher import DirectLauncher
from nomos_testing.deployers.local.fork_server import ForkServer
from nomos_testing.deployers.local.log_files import LogFiles
from nomos_testing.deployers.local.network_control import LocalNetworkControl
from nomos_testing.deployers.local.node import LocalNode, NodeBlueprint
from nomos_testing.deployers.local.planning import NetworkPlanner, PlannedNetwork
from nomos_testing.deployers.local.preflight import Prepared, refuse_for_real_nodes
from nomos_testing.deployers.local.reaping import Reaper
from nomos_testing.deployers.local.relaying import put_relay_between
from nomos_testing.runtime.block_feed import BlockFeed, poll_interval
from nomos_testing.runtime.deployment import Deployment
from nomos_testing.runtime.journal import Journal
from nomos_testing.runtime.journal_events import Notice, WaitEnded
from nomos_testing.runtime.machine import Patience
from nomos_testing.runtime.phases import Phases
from nomos_testing.runtime.plan import RunPlan
from nomos_testing.runtime.readiness import (
    READINESS_SECONDS,
    MembershipAssigned,
    NetworkConnected,
    ReadinessCheck,
    SubnetworksConnected,
)
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.runtime.runner import Runner
from nomos_testing.runtime.waiting import WaitTimeout, wait_until
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

FORK_SERVER_LOG = "fork-server.log"


@dataclass(slots=True, kw_only=True)
class BringUp:
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
                planned = await self._planned(planner)
                resources.callback(planned.release_ports)
                nodes = [self._node(blueprint) for blueprint in planned.blueprints]
            cluster = LocalCluster(
                nodes,
                launcher=launcher,
                reaper=reaper,
                journal=self.journal,
                patience=self.patience,
                newcomer=self._newcomers(planned),
            )
            with self.phases.phase("start"):
                planned.release_ports()
                await self._relay(planned, cluster, reaper, resources)
                resources.push_async_callback(cluster.close)
                await cluster.start_all()
            with self.phases.phase("ready"):
                for check in _checks(nodes, membership_check):
                    await cluster.while_alive(self._wait(check), nodes)
                feed = self._feed(nodes)
                resources.push_async_callback(feed.close)
                await feed.start()
                cluster.on_welcome(lambda node: feed.admit(node.client))
            deployment = self._deployment(planned, cluster, feed, resources.pop_all())
            return Runner(deployment, self.scenario.workloads, self.scenario.expectations)

    async def _planned(self, planner: NetworkPlanner) -> PlannedNetwork:
        settings = replace(self.settings, kzg_params=await self._kzg_parameters())
        planned = await asyncio.to_thread(planner, self.scenario, self.run_directory, settings, self.prepared.prover)
        self.run_directory.write_plan(self._plan_record(planned.blueprints))
        if self.scenario.recipe.document is not None:
            self.run_directory.write_scenario(self.scenario.recipe.text())
        try:
            if not self.prepared.all_embedded:
                refuse_for_real_nodes(self.prepared, planned.descriptors)
        except BaseException:
            planned.release_ports()
            raise
        return planned

    async def _kzg_parameters(self) -> Path:
        kzg = self.prepared.kzg
        if kzg.to_be_made:
            text = f"there are no KZG parameters: making a test set-up at {kzg.path}, which takes some seconds, once"
            self.journal.write(Notice(text))
            await asyncio.to_thread(kzg.make)
        return kzg.path

    def _feed(self, nodes: Sequence[LocalNode]) -> BlockFeed:
        poll_seconds = poll_interval(self.scenario.metrics.slot_duration)
        return BlockFeed([node.client for node in nodes], poll_seconds=poll_seconds)

    def _deployment(
        self, planned: PlannedNetwork, cluster: LocalCluster, feed: BlockFeed, resources: AsyncExitStack
    ) -> Deployment:
        return Deployment(
            plan=RunPlan(
                topology=self.scenario.topology,
                metrics=self.scenario.metrics,
                seed=self.scenario.seed,
                node_control=self.scenario.node_control,
                network_control=self.scenario.network_control,
                faults=self.scenario.faults,
            ),
            descriptors=planned.descriptors,
            cluster=cluster,
            block_feed=feed,
            journal=self.journal,
            phases=self.phases,
            prover=self.prepared.prover,
            run_directory=self.run_directory,
            keep_everything=self.settings.keep_logs,
            resources=resources,
        )

    async def _launcher(self, reaper: Reaper) -> Launcher:
        # A library can only be loaded into a program that is executed.
        if not self.prepared.all_embedded or self.prepared.clock_library is not None:
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

    async def _relay(
        self, planned: PlannedNetwork, cluster: LocalCluster, reaper: Reaper, resources: AsyncExitStack
    ) -> None:
        if planned.relayed is not None:
            await put_relay_between(
                cluster,
                planned.relayed,
                resources,
                run_directory=self.run_directory,
                journal=self.journal,
                reaper=reaper,
                patience=self.patience,
                seed=self.scenario.seed,
            )

    def _node(self, blueprint: NodeBlueprint) -> LocalNode:
        node = LocalNode(
            blueprint=blueprint,
            program=self.prepared.programs[blueprint.role].path,
            directory=self.run_directory.node(blueprint.name),
            environment=self.prepared.environment,
            clock=self._clock(blueprint.name),
            logs=LogFiles(self.run_directory.path / blueprint.name, blueprint.log_directory, blueprint.log_prefix),
            client=NodeClient(blueprint.name, blueprint.url, testing_url=blueprint.testing_url),
        )
        node.write_files()
        return node

    def _clock(self, node: str) -> NodeClock | None:
        if self.prepared.clock_library is None:
            return None
        clock = NodeClock(self.prepared.clock_library, self.run_directory.node(node) / CLOCK_NAME)
        clock.set(0.0)
        return clock

    def _newcomers(self, planned: PlannedNetwork) -> Newcomer | None:
        plan = planned.newcomer
        if plan is None:
            return None

        async def make(role: Role, index: int, network: NetworkControl | None) -> LocalNode:
            if role not in self.prepared.programs:
                raise NodeControlError(f"the network began without any {role}, so that its program was not looked for")
            newcomer = await asyncio.to_thread(plan, role, index)
            if newcomer.sockets is not None and isinstance(network, LocalNetworkControl):
                await network.admit(newcomer.blueprint.name, newcomer.sockets, dialled=newcomer.dialled)
            return self._node(newcomer.blueprint)

        return make

    async def _wait(self, check: ReadinessCheck) -> None:
        timeout = self.patience.seconds(READINESS_SECONDS)
        try:
            waited = await wait_until(check.waited_for, check.look, timeout=timeout, poll=check.poll)
        except WaitTimeout as error:
            self._journal_wait(check, timeout, error.last_seen, fulfilled=False)
            raise
        self._journal_wait(check, waited.seconds, waited.last_seen, fulfilled=True)

    def _journal_wait(self, check: ReadinessCheck, seconds: float, last_seen: str, *, fulfilled: bool) -> None:
        self.journal.write(
            WaitEnded(waited_for=check.waited_for, seconds=round(seconds, 6), last_seen=last_seen, fulfilled=fulfilled)
        )

    def _plan_record(self, blueprints: Sequence[NodeBlueprint]) -> Mapping[str, object]:
        scenario = self.scenario
        return {
            "scenario": scenario.name,
            "seed": scenario.seed,
            "topology": asdict(scenario.topology),
            "metrics": asdict(scenario.metrics),
            "node_control": scenario.node_control,
            "network_control": scenario.network_control,
            "faults": scenario.faults.to_json(),
            "replay_obstacle": scenario.recipe.obstacle or None,
            "workloads": [workload.name for workload in scenario.workloads],
            "expectations": [expectation.name for expectation in scenario.expectations],
            "programs": {role: str(program.path) for role, program in self.prepared.programs.items()},
            "prover": self.prepared.prover.name,
            "kzg_params": str(self.prepared.kzg.path),
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
