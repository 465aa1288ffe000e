"""Checks that a network is ready: every node answers, has its peers and, with data availability, its subnetworks.

A deployer runs the checks that its scenario needs, with ``wait_until``. A node that does not answer is not ready; the
description has its error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from nomos_testing.client.errors import NodeClientError, NodeRefused
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.waiting.waiting import Seen

READINESS_SECONDS = 60.0
"""Timeout of every check on the reference machine. The run's patience scales it."""
HTTP_POLL_SECONDS = 0.05


class ReadinessCheck(Protocol):
    """One condition of a ready network."""

    @property
    def waited_for(self) -> str:
        """Name of the condition, for the text of a timeout."""
        ...

    @property
    def poll(self) -> float:
        """Seconds between two looks."""
        ...

    async def look(self) -> Seen:
        """Check the condition once."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswers:
    """A node answers ``GET /cryptarchia/info`` with success."""

    node: NodeHandle
    poll: ClassVar = HTTP_POLL_SECONDS

    @property
    def waited_for(self) -> str:
        return f"{self.node.role} HTTP endpoint on {self.node.url}"

    async def look(self) -> Seen:
        try:
            info = await self.node.client.consensus_info()
        except NodeRefused as error:
            return Seen(False, f"{self.node.label}: status {error.status} {error.body}")
        except NodeClientError as error:
            return Seen(False, f"{self.node.label}: {error.reason}")
        return Seen(True, f"{self.node.label}: height {info.height}, {info.mode}")


@dataclass(frozen=True, slots=True)
class NetworkConnected:
    """Every node has at least as many peers as the layout gives it."""

    nodes: Sequence[NodeHandle]
    expected: Mapping[str, int]
    """Number of peers by node name: the node's degree in the undirected layout."""
    waited_for: ClassVar = "network readiness"
    poll: ClassVar = 0.1

    async def look(self) -> Seen:
        return _all_of(await asyncio.gather(*map(self._look_at, self.nodes)))

    async def _look_at(self, node: NodeHandle) -> Seen:
        expected = self.expected[node.name]
        try:
            peers, error = (await node.client.network_info()).n_peers, ""
        except NodeClientError as failure:
            peers, error = 0, f", error={failure.reason}"
        return Seen(peers >= expected and not error, f"{node.label}: peers={peers}, expected={expected}{error}")


@dataclass(frozen=True, slots=True)
class MembershipAssigned:
    """Every node knows the members of the data availability subnetworks of a session."""

    nodes: Sequence[NodeHandle]
    session: int = 0
    waited_for: ClassVar = "DA membership readiness (non-empty assignations)"
    poll: ClassVar = 0.2

    async def look(self) -> Seen:
        return _all_of(await asyncio.gather(*map(self._look_at, self.nodes)))

    async def _look_at(self, node: NodeHandle) -> Seen:
        try:
            membership = await node.client.da_get_membership(self.session)
        except NodeClientError as error:
            return Seen(False, f"{node.label}: status=waiting, error={error.reason}")
        if membership.assignations:
            return Seen(True, f"{node.label}: status=ready, {len(membership.assignations)} subnetworks")
        return Seen(False, f"{node.label}: status=waiting, expected non-empty assignations")


@dataclass(frozen=True, slots=True)
class SubnetworksConnected:
    """Every node has a connection in as many data availability subnetworks as its balancer needs."""

    nodes: Sequence[NodeHandle]
    required: Mapping[str, int]
    """Number of subnetworks by node name; 0 is always fulfilled."""
    waited_for: ClassVar = "DA balancer readiness"
    poll: ClassVar = 1.0

    async def look(self) -> Seen:
        return _all_of(await asyncio.gather(*map(self._look_at, self.nodes)))

    async def _look_at(self, node: NodeHandle) -> Seen:
        required = self.required[node.name]
        try:
            stats = await node.client.balancer_stats()
        except NodeClientError as error:
            return Seen(required == 0, f"{node.label}: connected=0, required={required}, error={error.reason}")
        connected = sum(item.inbound > 0 or item.outbound > 0 for item in stats.values())
        shown = ";".join(f"{number}:in={item.inbound},out={item.outbound}" for number, item in sorted(stats.items()))
        description = f"{node.label}: connected={connected}, required={required}, stats={shown or 'none'}"
        return Seen(connected >= required, description)


def _all_of(looks: Sequence[Seen]) -> Seen:
    return Seen(all(look.fulfilled for look in looks), ", ".join(look.description for look in looks))
