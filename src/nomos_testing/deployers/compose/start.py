"""The steps of a deployment in containers: tools and workspace, configurations of the nodes, network of cfgsync."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nomos_core.config import dump_config
from nomos_testing.deployers.compose.cfgsync_container import CfgsyncContainer
from nomos_testing.deployers.compose.compose_tool import UP_SECONDS, ComposeProject
from nomos_testing.deployers.compose.container_events import ContainerEnds
from nomos_testing.deployers.compose.preflight import Prepared
from nomos_testing.deployers.compose.stack import StackName
from nomos_testing.deployers.compose.stack_planning import StackPlanner
from nomos_testing.deployers.compose.stack_start import StackTools, StartingStack, start_stack
from nomos_testing.deployers.compose.teardown import Teardown, leftovers
from nomos_testing.deployers.compose.workspace import Workspace
from nomos_testing.deployers.shared.cfgsync_question import CfgsyncQuestion
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.relay_setup import RELAY_LOG, start_relay
from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.deployers.shared.run_owner import run_marks
from nomos_testing.deployers.shared.together import together
from nomos_testing.journal.events import Notice
from nomos_testing.topology import GeneratedTopology

READINESS_SECONDS: Final = 180.0
"""Time that a container may take until its node answers, on the reference machine."""
_REAPER_VARIABLES: Final = ("PATH", "HOME")


@dataclass(frozen=True, slots=True)
class ComposeStart:
    run: OpenRun
    prepared: Prepared
    environ: Mapping[str, str]

    async def tools(self) -> StackTools:
        """Make the workspace, and have everything that will be made of it removed at the end of the run."""
        run, prepared, name = self.run, self.prepared, StackName.fresh(self.run.surroundings.rng)
        docker = prepared.docker.reaped_by(run.reaper)
        workspace = Workspace.create()
        tool = prepared.tool.using(docker)
        project = ComposeProject(tool, name.project, workspace.compose_file, run.patience.seconds(UP_SECONDS))
        teardown = Teardown(docker, project, workspace, run.journal)
        if run.settings.preserve:
            run.resources.push_async_callback(teardown.leave)
        else:
            run.reaper.remove(workspace.path)
            for kind in leftovers(docker.program, name.project):
                run.reaper.remove_listed(kind, self._reaper_environment())
            run.resources.push_async_callback(teardown.remove)
        await asyncio.to_thread(self._fill, workspace)
        planner = StackPlanner(
            scenario=run.scenario,
            settings=run.settings,
            prepared=prepared,
            environ=self.environ,
            name=name,
            relay_log=self._relay_log(),
            rng=run.surroundings.rng,
            marks=run_marks(run.scenario.name, run.run_directory.path),
        )
        ends = ContainerEnds(
            docker,
            project.name,
            lost=self._note_that_ends_are_not_heard,
            unix_time=run.surroundings.unix_time,
            watch=run.background.watch,
        )
        run.resources.push_async_callback(ends.close)
        return StackTools(docker=docker, project=project, workspace=workspace, planner=planner, ends=ends)

    async def stack(self, tools: StackTools) -> StartingStack:
        """Start the containers.

        Raises:
            ComposeError: the stack did not start, and why.
        """
        await tools.ends.start()
        stack = await start_stack(self.run, tools)
        shutil.copy(tools.workspace.compose_file, self.run.run_directory.path)
        return stack

    async def network(self, stack: StartingStack, cluster: DeployedCluster) -> GeneratedTopology:
        """Wait until every node answers, and take the network from cfgsync meanwhile."""
        run = self.run
        server = CfgsyncContainer(
            stack.tools.docker, stack.plan.name.cfgsync, run.settings.container_host, stack.cfgsync.port
        )
        question = CfgsyncQuestion(stack.cfgsync, self.prepared.prover, server.check_running)
        url = await server.url()
        timeout = run.patience.seconds(READINESS_SECONDS)
        starting: list[Coroutine[Any, Any, Any]] = [question.network(url, timeout=timeout), cluster.start_all()]
        if stack.relay is not None:
            starting.append(start_relay(run, cluster, stack.relay))
        network: GeneratedTopology = (await together(starting))[0]
        return network

    def write_plan(self, stack: StartingStack) -> None:
        """Write the plan, and tell where people can look while the network runs."""
        plan, run = stack.plan, self.run
        run.write_plan(
            image=plan.image,
            project=plan.name.project,
            prover=self.prepared.prover.name,
            nodes={
                node.name: {
                    "container": plan.name.container(node.name),
                    "url": node.url,
                    "testing_url": node.client.testing_url,
                }
                for node in stack.nodes
            },
        )
        if stack.metrics_url is None:
            text = "there is no image of Prometheus here: metrics are not collected"
            run.journal.write(Notice(f"{text}; scripts/build-prometheus-image.sh makes one"))
            return
        run.journal.write(Notice(f"Prometheus: {stack.metrics_url}"))
        if plan.grafana_image is not None:
            password = plan.grafana_password or "admin"
            if run.settings.grafana_password:
                password = "the password of COMPOSE_GRAFANA_PASSWORD"
            url = f"http://{run.settings.container_host}:{plan.grafana_port}"
            run.journal.write(Notice(f"Grafana (admin, {password}): {url}"))

    def keep_configurations(self, stack: StartingStack, network: GeneratedTopology) -> None:
        """Keep the configurations that cfgsync sent, as evidence, while the run goes on."""
        configs = {generated.name: generated.config for generated in network.nodes}

        def keep() -> None:
            for node in stack.nodes:
                node.keep_config(dump_config(configs[node.name]))

        keeping = asyncio.create_task(asyncio.to_thread(keep), name="keep the configurations")
        self.run.background.watch(keeping)
        self.run.resources.push_async_callback(asyncio.wait, [keeping])

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
        log.touch()  # Docker makes a directory of a file to mount that it does not find
        log.chmod(0o666)  # the relay's container has a user of its own
        return log

    def _reaper_environment(self) -> Mapping[str, str]:
        named = (name for name in self.environ if name in _REAPER_VARIABLES or name.startswith("DOCKER_"))
        return {name: self.environ[name] for name in named}

    def _note_that_ends_are_not_heard(self) -> None:
        text = "docker events has ended: a node that ends by itself is only noticed when it does not answer"
        self.run.journal.write(Notice(text, "warning"))
