"""The relay as a process of this machine. The nodes have loopback addresses of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final

from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.line_channel import LineChannel, ProcessChannel
from nomos_testing.deployers.shared.link_probes import LinkProbes
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.surroundings import THIS_MACHINE

RELAY_HOST: Final = "127.0.0.1"


def local_relay(
    nodes: Mapping[str, NodeSockets],
    *,
    evidence: Path,
    seed: int,
    started: Callable[[int], None],
    rng: Random = THIS_MACHINE.rng,
) -> RelayClient:
    """Make the client of a relay. ``started`` is called with the relay's process id as soon as there is one."""

    async def connect() -> LineChannel:
        argv = (sys.executable, "-m", "nomos_testing.relay", str(evidence))
        try:
            channel = await ProcessChannel.open(argv, stderr=evidence)
        except OSError as error:
            raise LaunchError(f"failed to start the network relay: {error}") from error
        started(channel.pid)
        return channel

    return RelayClient(
        nodes, host=RELAY_HOST, connect=connect, probes=LinkProbes(), evidence=str(evidence), seed=seed, rng=rng
    )
