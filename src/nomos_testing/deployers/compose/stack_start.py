"""Has the containers of a stack made and started, with other ports or another network where others were faster."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import NetworkControl, NodeControlError, Role
from nomos_testing.deployers.compose.cluster import ComposeCluster
from nomos_testing.deployers.compose.compose_tool import ComposeProject
from nomos_testing.deployers.compose.container_logs import ContainerLogs
from nomos_testing.deployers.compose.container_node import ContainerNode
from nomos_testing.deployers.compose.container_relay import container_relay
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.errors import CommandFailed, ComposeError
from nomos_testing.deployers.compose.joining import newcomers
from nomos_testing.deployers.compose.rendering import GRAFANA_PASSWORD, RELAY_REQUESTS, rendered, scrape_targets
from nomos_testing.deployers.compose.stack import Stack, StackNode, relay_sockets
from nomos_testing.deployers.compose.stack_planning import StackPlanner, write_cfgsync
from nomos_testing.deployers.compose.workspace import Workspace, let_containers_read
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.deployers.shared.run_opening import SetUp
from nomos_testing.journal.events import Notice
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedTopology

ATTEMPTS: Final = 3
_PORT_TAKEN: Final = ("port is already allocated", "address already in use", "ports are not available")
_NETWORK_TAKEN: Final = "pool overlaps"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Raising:
    """The stack on its way up, and what it consists of when it is there."""

    run: SetUp
    docker: Docker
    project: ComposeProject
    workspace: Workspace
    planner: StackPlanner
    stack: Stack
    cfgsync: CfgsyncConfig
    cluster: ComposeCluster
    relay: RelayClient | None
    network: GeneratedTopology | None = None
    """What cfgsync has made of the nodes, once it has."""

    @classmethod
    def plan(
        cls, run: SetUp, docker: Docker, project: ComposeProject, workspace: Workspace, planner: StackPlanner
    ) -> Raising:
        """Decide on everything; nothing is started.

        Raises:
            ComposeError: a port that was asked for is taken, or a file can't be written.
        """
        stack = planner.plan()
        cluster = ComposeCluster(
            [], docker=docker, project=project, image=stack.image, journal=run.journal, patience=run.patience
        )
        raising = cls(run, docker, project, workspace, planner, stack, planner.cfgsync(stack.network), cluster, None)
        cluster.nodes = tuple(raising._node(planned) for planned in stack.nodes)
        cluster.log_directory = stack.log_directory
        if stack.prometheus is not None:
            cluster.metrics_url = f"http://{run.settings.container_host}:{stack.prometheus_port}"
        cluster.control.newcomer = raising._newcomer
        raising.relay = raising._relay()
        raising._write_files()
        return raising

    async def start(self) -> None:
        """Make and start all containers.

        Raises:
            CommandFailed: the compose tool could not.
        """
        self.cluster.begin_lives()
        await self.project.up()

    def _write_files(self) -> None:
        write_cfgsync(self.workspace.stack, self.cfgsync)
        self._write_compose_file()
        if self.relay is not None:
            requests = self.workspace.stack / RELAY_REQUESTS
            requests.write_text(self.relay.first_request, encoding="utf-8")
            let_containers_read(requests)

        if self.stack.grafana_password is not None:
            self.workspace.write_secret(GRAFANA_PASSWORD, self.stack.grafana_password)

    def _write_compose_file(self) -> None:
        self.workspace.compose_file.write_text(rendered(self.stack), encoding="utf-8")
        _log.debug("wrote the compose file: %s", self.workspace.compose_file)
        targets = scrape_targets(self.stack)
        if targets is not None:
            self.workspace.scrape_targets.write_text(targets, encoding="utf-8")

    def _node(self, planned: StackNode) -> ContainerNode:
        container = self.stack.name.container(planned.name)
        clock = self.workspace.clocks / planned.name if self.stack.clocks else None
        if clock is not None:
            clock.write_text("+0\n")
            let_containers_read(clock)
        if self.stack.log_directory is not None:
            self.workspace.make_log_directory(planned.name)
        return ContainerNode(
            planned=planned,
            container=container,
            docker=self.docker,
            directory=self.run.run_directory.node(planned.name),
            client=NodeClient(planned.name, f"http://{planned.name}.not-started.invalid"),
            logs=ContainerLogs(self.docker, container),
            host=self.run.settings.container_host,
            clock_file=clock,
        )

    def _relay(self) -> RelayClient | None:
        if self.stack.relay_log is None:
            return None
        return container_relay(
            relay_sockets(self.stack.nodes),
            docker=self.docker,
            container=self.stack.name.container("relay"),
            containers=self.stack.name.container,
            host=self.stack.network.relay,
            evidence=self.stack.relay_log,
            seed=self.run.scenario.seed,
        )

    async def _newcomer(self, role: Role, index: int, control: NetworkControl | None) -> ContainerNode:
        if self.network is None:
            raise NodeControlError("the network is not there yet")
        make = newcomers(
            self.stack,
            self.network,
            self.cfgsync,
            seed=self.run.scenario.topology.seed,
            present=lambda: self.cluster.nodes,
            place=self._place,
        )
        return await make(role, index, control)

    def _place(self, planned: StackNode) -> ContainerNode:
        """Put a node that joins into the compose file."""
        self.stack = replace(self.stack, nodes=(*self.stack.nodes, planned))
        self._write_compose_file()
        return self._node(planned)


async def raise_stack(
    run: SetUp, docker: Docker, project: ComposeProject, workspace: Workspace, planner: StackPlanner
) -> Raising:
    """
    Raises:
        ComposeError: the stack did not start, and why.
    """
    for attempt in range(1, ATTEMPTS + 1):
        raising = Raising.plan(run, docker, project, workspace, planner)
        try:
            await raising.start()
        except CommandFailed as error:
            if attempt == ATTEMPTS or not _is_avoidable(error, run.settings):
                raise ComposeError(f"failed to bring the stack up: {error}") from error
            text = f"the stack did not come up (attempt {attempt} of {ATTEMPTS}), trying with other ports: {error}"
            run.journal.write(Notice(text, "warning"))
            await project.down()
        else:
            return raising
    raise AssertionError("the last attempt returns or raises")


def _is_avoidable(error: CommandFailed, settings: Settings) -> bool:
    """Whether another network or, unless one was asked for, another port may do."""
    told = error.output.lower()
    ports_are_free = settings.prometheus_port is None and settings.grafana_port is None
    return _NETWORK_TAKEN in told or (ports_are_free and any(sign in told for sign in _PORT_TAKEN))
