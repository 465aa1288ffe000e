"""The ports of nodes inside their containers and pods."""

from __future__ import annotations

from typing import Final

from nomos_testing.cfgsync.registration import (
    DEFAULT_API_PORT,
    DEFAULT_DA_PORT,
    DEFAULT_NETWORK_PORT,
    DEFAULT_TESTING_HTTP_PORT,
)
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.ports import NodePorts

_BLEND_PORT: Final = 4401
"""Not cfgsync's default of 3400, which the DA ports of the hundredth node and those after it would reach."""


def container_ports(position: int, spec: TopologySpec | None = None) -> NodePorts:
    """Return the ports of the node at a position among all nodes.

    Peering ports are the node's own, because the relay's sockets have them, too. ``spec`` may have chosen others.
    """
    ports = NodePorts(
        network=DEFAULT_NETWORK_PORT + position,
        da=DEFAULT_DA_PORT + position,
        blend=_BLEND_PORT + position,
        api=DEFAULT_API_PORT,
        testing_http=DEFAULT_TESTING_HTTP_PORT,
    )
    if spec is None:
        return ports
    da = spec.da_ports[position] if spec.da_ports else ports.da
    blend = spec.blend_ports[position] if spec.blend_ports else ports.blend
    return NodePorts(network=ports.network, da=da, blend=blend, api=ports.api, testing_http=ports.testing_http)
