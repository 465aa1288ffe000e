"""The relay as a container of the stack. The compose file starts it, with its first request in a file beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.shared.line_channel import LineChannel
from nomos_testing.deployers.shared.link_probes import PROBER, LinkProbes
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.relay.proxy_sockets import NodeSockets


def container_relay(
    nodes: Mapping[str, NodeSockets],
    *,
    docker: Docker,
    container: str,
    containers: Callable[[str], str],
    host: str,
    evidence: Path,
    seed: int,
) -> RelayClient:
    """Make the client of a stack's relay. ``containers`` gives a node's container."""

    async def connect() -> LineChannel:
        # The relay's own messages are in ``docker logs``. Here they would be mixed up with the runner's.
        return await docker.open("attach", "--sig-proxy=false", container)

    async def open_prober(node: str) -> LineChannel:
        return await docker.open("exec", "-i", containers(node), "python3", *PROBER)

    return RelayClient(
        nodes,
        host=host,
        connect=connect,
        probes=LinkProbes(open_prober),
        evidence=str(evidence),
        seed=seed,
        opened_by_file=True,
    )
