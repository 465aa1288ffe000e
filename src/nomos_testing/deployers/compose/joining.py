"""Nodes that join a stack that runs: configured here, because cfgsync only knows of those it was made for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from nomos_core.config import NodeConfig, dump_config
from nomos_testing.cfgsync.network import joining_node
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.interfaces import NetworkControl, Role
from nomos_testing.deployers.compose.container_node import ContainerNode
from nomos_testing.deployers.compose.stack import Stack, StackNode, relay_sockets, stack_node
from nomos_testing.deployers.shared.network_control import RelayNetworkControl
from nomos_testing.deployers.shared.node_control import Newcomer
from nomos_testing.topology import GeneratedTopology


def newcomers(
    stack: Stack,
    network: GeneratedTopology,
    cfgsync: CfgsyncConfig,
    *,
    seed: int | None,
    present: Callable[[], Sequence[ContainerNode]],
    place: Callable[[StackNode], ContainerNode],
) -> Newcomer[ContainerNode]:
    """
    Args:
        network: the nodes that the stack began with.
        cfgsync: the file by which the server configured them.
        seed: the topology's.
        present: all nodes at the moment.
        place: puts a node into the compose file and gives its handle.
    """

    async def make(role: Role, index: int, control: NetworkControl | None) -> ContainerNode:
        planned = stack_node(role, index, len(present()), stack.network)
        config = await asyncio.to_thread(_config, network, cfgsync, planned, seed)
        if isinstance(control, RelayNetworkControl):
            dialled = [node.name for node in network.nodes]
            await control.admit(planned.name, relay_sockets([planned])[planned.name], dialled=dialled)
        node = place(planned)
        node.config = dump_config(config)
        node.to_be_made_anew = True
        return node

    return make


def _config(network: GeneratedTopology, cfgsync: CfgsyncConfig, planned: StackNode, seed: int | None) -> NodeConfig:
    node = joining_node(
        cfgsync,
        network,
        role=planned.role,
        index=planned.index,
        ports=planned.ports,
        address=planned.address,
        seed=seed,
    )
    return node.config
