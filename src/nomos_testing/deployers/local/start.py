"""Brings one network up: configuration, start, readiness, block feed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import NetworkControl, NodeControlError, Role
from nomos_testing.deployers.local.child_process import Launcher
from nomos_testing.deployers.local.cluster import LocalCluster
from nomos_testing.deployers.local.direct_launcher import DirectLauncher
from nomos_testing.deployers.local.fork_server import ForkServer
from nomos_testing.deployers.local.log_files import LogFiles
from nomos_testing.deployers.local.node import LocalNode, NodeBlueprint
from nomos_testing.deployers.local.planning import NetworkPlanner, PlannedNetwork
from nomos_testing.deployers.local.preflight import Prepared, refuse_for_real_nodes
from nomos_testing.deployers.local.relay_setup import put_relay_between
from nomos_testing.deployers.shared.clock import CLOCK_NAME, NodeClock
from nomos_testing.deployers.shared.network_control import RelayNetworkControl
from nomos_testing.deployers.shared.node_control import Newcomer
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.deployers.shared.run_opening import SetUp, readiness_checks
from nomos_testing.journal.events import Notice
from nomos_testing.runtime.readiness import ReadinessCheck
from nomos_testing.runtime.runner import Runner

FORK_SERVER_LOG = "fork-server.log"


@dataclass(frozen=True, slots=True)
class BringUp:
    """One deployment on its way up; everything it opens is closed again where it does not get there."""

    run: SetUp
    prepared: Prepared

    async def bring_up(self, planner: NetworkPlanner, *, membership_check: bool) -> Runner:
        run = self.run
        async with AsyncExitStack() as resources:
            reaper = Reaper(run.journal.path, run.journal.opened)
            resources.callback(reaper.dismiss)
            with run.phases.phase("configure"):
                launcher = await self._launcher(reaper)
                resources.push_async_callback(launcher.close)
                planned = await self._planned(planner)
                resources.callback(planned.release_ports)
                nodes = [self._node(blueprint) for blueprint in planned.blueprints]
            cluster = LocalCluster(
                nodes,
                launcher=launcher,
                reaper=reaper,
                journal=run.journal,
                patience=run.patience,
                newcomer=self._newcomers(planned),
            )
            cluster.metrics_url = run.settings.metrics_query_url
            with run.phases.phase("start"):
                planned.release_ports()
                await self._relay(planned, cluster, reaper, resources)
                resources.push_async_callback(cluster.close)
                await cluster.start_all()
            with run.phases.phase("ready"):
                for check in _checks(nodes, membership_check):
                    await cluster.while_alive(run.wait(check), nodes)
                feed = run.feed([node.client for node in nodes])
                resources.push_async_callback(feed.close)
                await feed.start()
                cluster.on_welcome(lambda node: feed.admit(node.client))
            return run.runner(cluster, planned.descriptors, feed, self.prepared.prover, resources.pop_all())

    async def _planned(self, planner: NetworkPlanner) -> PlannedNetwork:
        run = self.run
        settings = replace(run.settings, kzg_params=await self._kzg_parameters())
        planned = await asyncio.to_thread(planner, run.scenario, run.run_directory, settings, self.prepared.prover)
        run.write_plan(
            programs={role: str(program.path) for role, program in self.prepared.programs.items()},
            prover=self.prepared.prover.name,
            kzg_params=str(self.prepared.kzg.path),
            nodes={each.name: {"url": each.url, "testing_url": each.testing_url} for each in planned.blueprints},
        )
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
            self.run.journal.write(Notice(text))
            await asyncio.to_thread(kzg.make)
        return kzg.path

    async def _launcher(self, reaper: Reaper) -> Launcher:
        # A library can only be loaded into a program that is executed.
        if not self.prepared.all_installed_here or self.prepared.clock_library is not None:
            return DirectLauncher()
        server = ForkServer(
            self.prepared.fork_server,
            stderr=self.run.run_directory.path / FORK_SERVER_LOG,
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
                run_directory=self.run.run_directory,
                journal=self.run.journal,
                reaper=reaper,
                patience=self.run.patience,
                seed=self.run.scenario.seed,
            )

    def _node(self, blueprint: NodeBlueprint) -> LocalNode:
        node = LocalNode(
            blueprint=blueprint,
            program=self.prepared.programs[blueprint.role].path,
            directory=self.run.run_directory.node(blueprint.name),
            environment=self.prepared.environment,
            clock=self._clock(blueprint.name),
            logs=LogFiles(self.run.run_directory.path / blueprint.name, blueprint.log_directory, blueprint.log_prefix),
            client=NodeClient(blueprint.name, blueprint.url, testing_url=blueprint.testing_url),
        )
        node.write_files()
        return node

    def _clock(self, node: str) -> NodeClock | None:
        if self.prepared.clock_library is None:
            return None
        clock = NodeClock(self.prepared.clock_library, self.run.run_directory.node(node) / CLOCK_NAME)
        clock.set(0.0)
        return clock

    def _newcomers(self, planned: PlannedNetwork) -> Newcomer[LocalNode] | None:
        plan = planned.newcomer
        if plan is None:
            return None

        async def make(role: Role, index: int, network: NetworkControl | None) -> LocalNode:
            if role not in self.prepared.programs:
                raise NodeControlError(f"the network began without any {role}, so that its program was not looked for")
            newcomer = await asyncio.to_thread(plan, role, index)
            if newcomer.sockets is not None and isinstance(network, RelayNetworkControl):
                await network.admit(newcomer.blueprint.name, newcomer.sockets, dialled=newcomer.dialled)
            return self._node(newcomer.blueprint)

        return make


def _checks(nodes: Sequence[LocalNode], membership_check: bool) -> list[ReadinessCheck]:
    return readiness_checks(
        nodes,
        peers={node.name: node.blueprint.expected_peers for node in nodes},
        subnetworks={node.name: node.blueprint.required_subnetworks for node in nodes} if membership_check else None,
    )
