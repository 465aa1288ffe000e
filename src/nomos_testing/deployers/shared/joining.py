"""Nodes that join a running network: each gets an index among its role and a position among all nodes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.node_control import JoiningNode
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.topology import TopologySpec

MakeNode = Callable[[Role, int, int], Awaitable[tuple[DeployedNode, NodeSockets | None]]]
"""Makes a node of a role, with an index and a position, and its sockets that a relay has to stand before."""


class JoiningNodes:
    """A ``NodeFactory`` for a network that began with the nodes of ``spec``.

    Addresses follow from positions. No position is given twice, even if two nodes join at once or one fails to start.
    """

    def __init__(self, spec: TopologySpec, make: MakeNode) -> None:
        self._spec = spec
        self._make = make
        self._indices = {Role.VALIDATOR: count(spec.validators), Role.EXECUTOR: count(spec.executors)}
        self._positions = count(spec.node_count)

    async def __call__(self, role: Role) -> JoiningNode:
        node, sockets = await self._make(role, next(self._indices[role]), next(self._positions))
        return JoiningNode(node, sockets, dialled=tuple(self._spec.node_names))
