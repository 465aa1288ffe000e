"""Plans a stack and starts its containers, with other ports or another network where somebody else was faster."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Final

from nomos_core.config import dump_config
from nomos_testing.cfgsync.network import joining_node
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.compose.compose_tool import ComposeProject
from nomos_testing.deployers.compose.container_events import ContainerEnds
from nomos_testing.deployers.compose.container_relay import container_relay
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed, ComposeError
from nomos_testing.deployers.compose.host import ContainerHost
from nomos_testing.deployers.compose.rendering import (
    CLOCK_DIRECTORY,
    GRAFANA_PASSWORD,
    RELAY_REQUESTS,
    rendered,
    scrape_targets,
)
from nomos_testing.deployers.compose.stack import Stack, StackNode, relay_sockets, stack_node
from nomos_testing.deployers.compose.stack_planning import StackPlanner, write_cfgsync
from nomos_testing.deployers.compose.workspace import Workspace, let_containers_read
from nomos_testing.deployers.shared.joining import JoiningNodes
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.journal.events import Notice
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedTopology

ATTEMPTS: Final = 3
_PORT_TAKEN: Final = ("port is already allocated", "address already in use", "ports are not available")
_NETWORK_TAKEN: Final = "pool overlaps"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackTools:
    """The means by which a stack is made, and by which its containers are reached."""

    docker: Docker
    project: ComposeProject
    workspace: Workspace
    planner: StackPlanner
    ends: ContainerEnds


class StartingStack:
    """A stack, its nodes and its relay: planned by ``__init__``, started by ``start``."""

    def __init__(self, run: OpenRun, tools: StackTools) -> None:
        """
        Raises:
            ComposeError: a port that was asked for is taken.
            OSError: no network is free.
        """
        self.tools = tools
        self.plan: Stack = tools.planner.plan()
        self.cfgsync: CfgsyncConfig = tools.planner.cfgsync(self.plan.network)
        self._run = run
        self._hosts: dict[str, ContainerHost] = {}
        """By the nodes' names."""
        self.nodes = [self._node(planned) for planned in self.plan.nodes]
        self.relay: RelayClient | None = self._make_relay()
        """It runs once the stack has started. Nobody has asked it anything then."""

    async def start(self) -> None:
        """Write the stack's files, and make and start all containers.

        Raises:
            CommandFailed: the compose tool could not.
            ComposeError: a file can't be written.
        """
        workspace = self.tools.workspace
        write_cfgsync(workspace.stack, self.cfgsync)
        self._write_compose_file()
        if self.relay is not None:
            requests = workspace.stack / RELAY_REQUESTS
            requests.write_text(self.relay.first_request, encoding="utf-8")
            let_containers_read(requests)
        if self.plan.grafana_password is not None:
            workspace.write_secret(GRAFANA_PASSWORD, self.plan.grafana_password)
        for node in self.nodes:
            await node.put_files()
        await self.tools.project.up()
        hosts = list(self._hosts.values())
        for host in hosts:
            host.expect_start()
            self._hear_end(host)
        # One question for all, because each start of the docker program takes its time.
        inspected = await self.tools.docker.inspect(*(host.container for host in hosts))
        for host, container in zip(hosts, inspected, strict=True):
            host.take_started(container)

    @property
    def metrics_url(self) -> str | None:
        """Base of the stack's Prometheus, as this process reaches it."""
        if self.plan.prometheus is None:
            return None
        return f"http://{self._run.settings.container_host}:{self.plan.prometheus_port}"

    def joining(self, network: GeneratedTopology) -> JoiningNodes:
        """Make the factory of nodes that join later. It configures them: cfgsync knows only the hosts of its file."""
        spec = self._run.scenario.topology

        async def make(role: Role, index: int, position: int) -> tuple[DeployedNode, NodeSockets | None]:
            planned = stack_node(role, index, position, self.plan.network)
            generated = await asyncio.to_thread(
                joining_node,
                self.cfgsync,
                network,
                role=role,
                index=index,
                ports=planned.ports,
                address=planned.address,
                seed=spec.seed,
            )
            self.plan = replace(self.plan, nodes=(*self.plan.nodes, planned))
            self._write_compose_file()
            node = self._node(planned, config=dump_config(generated.config))
            self._hear_end(self._hosts[node.name])
            return node, relay_sockets([planned])[planned.name]

        return JoiningNodes(spec, make)

    def _node(self, planned: StackNode, *, config: str | None = None) -> DeployedNode:
        stack, tools = self.plan, self.tools
        if stack.log_directory is not None:
            tools.workspace.make_log_directory(planned.name)
        mounts = {CLOCK_DIRECTORY: tools.workspace.clocks} if stack.clocks else {}
        self._hosts[planned.name] = host = ContainerHost(
            service=planned.name,
            container=stack.name.container(planned.name),
            image=stack.image,
            ports=planned.ports,
            docker=tools.docker,
            project=tools.project,
            address=self._run.settings.container_host,
            mounts=mounts,
            clock_path=f"{CLOCK_DIRECTORY}/{planned.name}" if stack.clocks else None,
            log_directory=stack.log_directory,
            patience=self._run.patience,
            surroundings=self._run.surroundings,
        )
        return DeployedNode.at(
            host,
            role=planned.role,
            index=planned.index,
            network_port=planned.ports.network,
            directory=self._run.run_directory.node(planned.name),
            config=config,
            unix_time=self._run.surroundings.unix_time,
        )

    def _make_relay(self) -> RelayClient | None:
        if self.plan.relay_log is None:
            return None
        return container_relay(
            relay_sockets(self.plan.nodes),
            docker=self.tools.docker,
            container=self.plan.name.container("relay"),
            hosts=self._hosts,
            address=self.plan.network.relay,
            evidence=self.plan.relay_log,
            seed=self._run.scenario.seed,
            rng=self._run.surroundings.rng,
        )

    def _hear_end(self, host: ContainerHost) -> None:
        self.tools.ends.call(host.container, host.hear_end)

    def _write_compose_file(self) -> None:
        workspace = self.tools.workspace
        workspace.compose_file.write_text(rendered(self.plan), encoding="utf-8")
        _log.debug("wrote the compose file: %s", workspace.compose_file)
        targets = scrape_targets(self.plan)
        if targets is not None:
            workspace.scrape_targets.write_text(targets, encoding="utf-8")


async def start_stack(run: OpenRun, tools: StackTools) -> StartingStack:
    """Start a stack, in several attempts if ports or networks are taken.

    Raises:
        ComposeError: the stack did not start, and why.
    """
    for attempt in range(1, ATTEMPTS + 1):
        stack = StartingStack(run, tools)
        try:
            await stack.start()
        except CommandFailed as error:
            if attempt == ATTEMPTS or not _is_avoidable(error, run.settings):
                raise ComposeError(f"failed to bring the stack up: {error}") from error
            text = f"the stack did not come up (attempt {attempt} of {ATTEMPTS}), trying with other ports: {error}"
            run.journal.write(Notice(text, "warning"))
            await tools.project.down()
        else:
            return stack
    raise AssertionError("the last attempt returns or raises")


def _is_avoidable(error: CommandFailed, settings: Settings) -> bool:
    """Tell whether the stack may start in another network or, if no port was asked for, with other ports."""
    told = error.output.lower()
    ports_are_free = settings.prometheus_port is None and settings.grafana_port is None
    return _NETWORK_TAKEN in told or (ports_are_free and any(sign in told for sign in _PORT_TAKEN))
