"""The relay as a container of the stack. The compose file starts it, with its first request in a file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.link_probes import probes_beside
from nomos_testing.deployers.shared.node_host import NodeHost
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.relay.proxy_sockets import NodeSockets


def container_relay(
    nodes: Mapping[str, NodeSockets],
    *,
    docker: Docker,
    container: str,
    hosts: Mapping[str, NodeHost],
    address: str,
    evidence: Path,
    seed: int,
    rng: Random,
) -> RelayClient:
    """Make the client of a stack's relay.

    Args:
        hosts: the nodes' places, by name; nodes that join are added to it.
        address: the relay's, in the network of the stack.
    """

    async def connect() -> LineChannel:
        # The relay's own messages are in ``docker logs``. Here they would be mixed up with the runner's.
        return await docker.open("attach", "--sig-proxy=false", container)

    return RelayClient(
        nodes,
        host=address,
        connect=connect,
        probes=probes_beside(hosts),
        evidence=str(evidence),
        seed=seed,
        opened_by_file=True,
        rng=rng,
    )
