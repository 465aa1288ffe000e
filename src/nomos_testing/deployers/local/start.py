"""The steps of a deployment on this machine: launcher, plan, places of the nodes, relay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.child_process import Launcher
from nomos_testing.deployers.local.direct_launcher import DirectLauncher
from nomos_testing.deployers.local.fork_server import ForkServer
from nomos_testing.deployers.local.host import EXEC_SECONDS, LocalHost
from nomos_testing.deployers.local.log_files import LogFiles
from nomos_testing.deployers.local.planning import NetworkPlanner, NodeBlueprint, PlannedNetwork
from nomos_testing.deployers.local.preflight import Prepared, refuse_for_real_nodes
from nomos_testing.deployers.local.relay_process import local_relay
from nomos_testing.deployers.shared.joining import JoiningNodes
from nomos_testing.deployers.shared.node import DeployedNode, config_file_name
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.deployers.shared.relay_setup import RELAY_LOG
from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.journal.events import Notice
from nomos_testing.relay.proxy_sockets import NodeSockets

FORK_SERVER_LOG: Final = "fork-server.log"


@dataclass(frozen=True, slots=True)
class LocalStart:
    run: OpenRun
    prepared: Prepared

    async def launcher(self) -> Launcher:
        """Start what starts the nodes. It ends with the run."""
        launcher = await self._launcher()
        self.run.resources.push_async_callback(launcher.close)
        return launcher

    async def plan(self, planner: NetworkPlanner) -> PlannedNetwork:
        """Plan the network, and hold its ports until they are released.

        Raises:
            PreflightError: a real node would refuse its configuration.
        """
        run, prepared = self.run, self.prepared
        settings = replace(run.settings, kzg_params=await self._kzg_parameters())
        planned = await asyncio.to_thread(planner, run.scenario, run.run_directory, settings, prepared.prover)
        run.resources.callback(planned.release_ports)
        run.write_plan(
            programs={role: str(program.path) for role, program in prepared.programs.items()},
            prover=prepared.prover.name,
            kzg_params=str(prepared.kzg.path),
            nodes={each.name: {"url": each.url, "testing_url": each.testing_url} for each in planned.blueprints},
        )
        if not prepared.all_embedded:
            refuse_for_real_nodes(prepared, planned.descriptors)
        return planned

    def node(self, blueprint: NodeBlueprint, launcher: Launcher) -> DeployedNode:
        """Make a node, whose place is not made yet."""
        prepared, directory = self.prepared, self.run.run_directory.node(blueprint.name)
        host = LocalHost(
            node=blueprint.name,
            program=prepared.programs[blueprint.role].path,
            directory=directory,
            config_path=config_file_name(blueprint.role),
            environment=prepared.environment,
            logs=LogFiles(directory, blueprint.log_directory, blueprint.log_prefix),
            url=blueprint.url,
            testing_url=blueprint.testing_url,
            launcher=launcher,
            reaper=self.run.reaper,
            clock_library=prepared.clock_library,
            exec_seconds=self.run.patience.seconds(EXEC_SECONDS),
        )
        return DeployedNode.at(
            host,
            role=blueprint.role,
            index=blueprint.index,
            network_port=blueprint.network_port,
            directory=directory,
            config=blueprint.config,
            unix_time=self.run.surroundings.unix_time,
        )

    def joining(self, planned: PlannedNetwork, launcher: Launcher) -> JoiningNodes | None:
        """Make the factory of nodes that join later; None where none can."""
        plan = planned.join
        if plan is None:
            return None

        async def make(role: Role, index: int, position: int) -> tuple[DeployedNode, NodeSockets | None]:
            if role not in self.prepared.programs:
                raise NodeControlError(f"the network began without any {role}, so that its program was not looked for")
            blueprint = await asyncio.to_thread(plan, role, index, position)
            return self.node(blueprint, launcher), blueprint.sockets

        return JoiningNodes(self.run.scenario.topology, make)

    def relay(self, planned: PlannedNetwork) -> RelayClient:
        """Make the relay between the nodes. It is not started."""
        return local_relay(
            planned.sockets,
            evidence=self.run.run_directory.path / RELAY_LOG,
            seed=self.run.scenario.seed,
            started=self.run.reaper.watch_group,
            rng=self.run.surroundings.rng,
        )

    async def _launcher(self) -> Launcher:
        prepared = self.prepared
        # A library can only be loaded into a program that is executed, not into one that is forked.
        if not prepared.all_installed_here or prepared.clock_library is not None:
            return DirectLauncher()
        log = self.run.run_directory.path / FORK_SERVER_LOG
        server = ForkServer(prepared.fork_server, stderr=log, env=prepared.environment, watch=self.run.background.watch)
        await server.start()
        assert server.pid is not None
        self.run.reaper.watch_group(server.pid)
        return server

    async def _kzg_parameters(self) -> Path:
        kzg = self.prepared.kzg
        if kzg.to_be_made:
            text = f"there are no KZG parameters: making a test set-up at {kzg.path}, which takes some seconds, once"
            self.run.journal.write(Notice(text))
            await asyncio.to_thread(kzg.make)
        return kzg.path
