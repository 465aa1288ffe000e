"""Brings one stack up: workspace, containers, readiness, block feed."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_core.config import dump_config
from nomos_testing.cluster.network_events import RelayEnded
from nomos_testing.deployers.compose.compose_tool import UP_SECONDS, ComposeProject
from nomos_testing.deployers.compose.container_events import ContainerEnds
from nomos_testing.deployers.compose.distribution import Distribution
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.preflight import Prepared
from nomos_testing.deployers.compose.stack import StackName
from nomos_testing.deployers.compose.stack_planning import StackPlanner
from nomos_testing.deployers.compose.stack_start import Raising, raise_stack
from nomos_testing.deployers.compose.teardown import Teardown, leftovers
from nomos_testing.deployers.compose.workspace import Workspace
from nomos_testing.deployers.shared.network_control import RelayNetworkControl
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.deployers.shared.run_opening import SetUp, readiness_checks
from nomos_testing.journal.events import Notice
from nomos_testing.runtime.runner import Runner
from nomos_testing.topology import GeneratedTopology
from nomos_testing.topology.layouts import Layout, connected_pairs, dialled_nodes

RELAY_LOG: Final = "relay.log"
_REAPER_VARIABLES: Final = ("PATH", "HOME")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BringUp:
    """One deployment on its way up; everything it makes is removed again where it does not get there."""

    run: SetUp
    prepared: Prepared
    environ: Mapping[str, str]

    async def bring_up(self, *, membership_check: bool) -> Runner:
        run = self.run
        async with AsyncExitStack() as resources:
            with run.phases.phase("configure"):
                docker, project, workspace, planner = await self._prepare(resources)
            with run.phases.phase("start"):
                raising = await self._raise(docker, project, workspace, planner, resources)
                network = raising.network = await self._all_up(raising, resources)
            with run.phases.phase("ready"):
                self._write_plan(raising)
                self._say_where(raising)
                keeping = asyncio.create_task(asyncio.to_thread(self._keep_configurations, network))
                resources.push_async_callback(_awaited, keeping)
                await self._wait_ready(raising, network, membership_check)
                cluster = raising.cluster
                feed = run.feed([node.client for node in cluster.nodes])
                resources.push_async_callback(feed.close)
                await feed.start()
                cluster.on_welcome(lambda node: feed.admit(node.client))
            return run.runner(cluster, network, feed, self.prepared.prover, resources.pop_all())

    async def _prepare(self, resources: AsyncExitStack) -> tuple[Docker, ComposeProject, Workspace, StackPlanner]:
        run, prepared, name = self.run, self.prepared, StackName.fresh()
        reaper = Reaper(run.journal.path, run.journal.opened)
        resources.callback(reaper.dismiss)
        docker = prepared.docker.reaped_by(reaper)
        workspace = Workspace.create()
        tool = prepared.tool.using(docker)
        project = ComposeProject(tool, name.project, workspace.compose_file, run.patience.seconds(UP_SECONDS))
        teardown = Teardown(docker, project, workspace, run.journal)
        if run.settings.preserve:
            resources.push_async_callback(teardown.leave)
        else:
            reaper.remove(workspace.path)
            for kind in leftovers(docker.program, name.project):
                reaper.remove_listed(kind, self._reaper_environment())
            resources.push_async_callback(teardown.remove)
        await asyncio.to_thread(self._fill, workspace)
        planner = StackPlanner(
            scenario=run.scenario,
            settings=run.settings,
            prepared=prepared,
            environ=self.environ,
            name=name,
            relay_log=self._relay_log(),
        )
        return docker, project, workspace, planner

    def _fill(self, workspace: Workspace) -> None:
        prepared = self.prepared
        if prepared.kzg is not None and prepared.kzg.to_be_made:
            prepared.kzg.make()
        kzg = None if prepared.kzg is None else prepared.kzg.path
        workspace.fill(prepared.assets, kzg, prepared.clock_library)

    def _relay_log(self) -> Path | None:
        if not self.run.scenario.network_control:
            return None
        log = self.run.run_directory.path / RELAY_LOG
        log.touch()  # Docker would make a directory of what it does not find
        log.chmod(0o666)  # the relay's container has a user of its own
        return log

    def _reaper_environment(self) -> Mapping[str, str]:
        named = (name for name in self.environ if name in _REAPER_VARIABLES or name.startswith("DOCKER_"))
        return {name: self.environ[name] for name in named}

    async def _raise(
        self,
        docker: Docker,
        project: ComposeProject,
        workspace: Workspace,
        planner: StackPlanner,
        resources: AsyncExitStack,
    ) -> Raising:
        raised: list[Raising] = []

        def hear_end(container: str, exit_code: int) -> None:
            if raised:
                raised[0].cluster.hear_end(container, exit_code)

        ends = ContainerEnds(docker, project.name, ended=hear_end, lost=self._ends_unheard)
        resources.push_async_callback(ends.close)
        await ends.start()
        raising = await raise_stack(self.run, docker, project, workspace, planner)
        raised.append(raising)
        shutil.copy(workspace.compose_file, self.run.run_directory.path)
        resources.push_async_callback(raising.cluster.close)
        return raising

    async def _all_up(self, raising: Raising, resources: AsyncExitStack) -> GeneratedTopology:
        """Wait until every node answers, and take the network from cfgsync meanwhile."""
        distribution = Distribution(
            raising.docker,
            raising.stack.name.cfgsync,
            self.run.settings.container_host,
            raising.cfgsync,
            self.prepared.prover,
        )
        try:
            async with asyncio.TaskGroup() as up:
                timeout = self.run.patience.seconds(raising.cluster.readiness_seconds)
                network = up.create_task(distribution.network(timeout=timeout), name="network of cfgsync")
                up.create_task(raising.cluster.start_all(), name="nodes of the stack")
                if raising.relay is not None:
                    up.create_task(self._control_links(raising, resources), name="relay of the stack")
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return network.result()

    async def _control_links(self, raising: Raising, resources: AsyncExitStack) -> None:
        relay, cluster = raising.relay, raising.cluster
        assert relay is not None
        resources.push_async_callback(relay.close)
        await relay.start(ended=self._note_end_of_relay)
        cluster.network = RelayNetworkControl(
            relay,
            lambda: cluster.nodes,
            connected=self._connected(),
            answering=lambda: cluster.control.answering,
            journal=self.run.journal,
            patience=self.run.patience,
        )

    def _note_end_of_relay(self, reason: str) -> None:
        self.run.journal.write(RelayEnded(reason))

    def _connected(self) -> frozenset[frozenset[str]]:
        """The pairs of nodes that the layout connects."""
        spec = self.run.scenario.topology
        pairs = connected_pairs(dialled_nodes(Layout(spec.layout), spec.node_count))
        return frozenset(frozenset(spec.node_names[node] for node in pair) for pair in pairs)

    async def _wait_ready(self, raising: Raising, network: GeneratedTopology, membership_check: bool) -> None:
        cluster = raising.cluster
        subnetworks = {node.name: node.config.da_network.subnet_threshold for node in network.nodes}
        checks = readiness_checks(
            cluster.nodes,
            peers={node.name: node.expected_peers for node in network.nodes},
            subnetworks=subnetworks if membership_check else None,
        )
        for check in checks:
            await cluster.while_alive(self.run.wait(check), cluster.nodes)

    def _say_where(self, raising: Raising) -> None:
        """Where people look while the network runs."""
        stack, host = raising.stack, self.run.settings.container_host
        if stack.prometheus is None:
            text = "there is no image of Prometheus here: metrics are not collected"
            self.run.journal.write(Notice(f"{text}; scripts/build-prometheus-image.sh makes one"))
            return
        self.run.journal.write(Notice(f"Prometheus: http://{host}:{stack.prometheus_port}"))
        if stack.grafana_image is not None:
            password = stack.grafana_password or "admin"
            if self.run.settings.grafana_password:
                password = "the password of COMPOSE_GRAFANA_PASSWORD"
            self.run.journal.write(Notice(f"Grafana (admin, {password}): http://{host}:{stack.grafana_port}"))

    def _write_plan(self, raising: Raising) -> None:
        self.run.write_plan(
            image=raising.stack.image,
            project=raising.project.name,
            prover=self.prepared.prover.name,
            nodes={
                node.name: {"container": node.container, "url": node.url, "testing_url": node.client.testing_url}
                for node in raising.cluster.nodes
            },
        )

    def _keep_configurations(self, network: GeneratedTopology) -> None:
        """Evidence: what the nodes were told."""
        for node in network.nodes:
            path = self.run.run_directory.node(node.name) / node.config_file_name
            path.write_text(dump_config(node.config), encoding="utf-8")
            _log.debug("kept the configuration of %s: %s", node.name, path)

    def _ends_unheard(self) -> None:
        text = "docker events has ended: a node that ends by itself is only noticed when it does not answer"
        self.run.journal.write(Notice(text, "warning"))


async def _awaited(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)
