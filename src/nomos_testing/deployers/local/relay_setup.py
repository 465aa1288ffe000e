"""Puts the relay between the nodes of a cluster that is about to start."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack

from nomos_testing.cluster.network_events import RelayEnded
from nomos_testing.deployers.local.cluster import LocalCluster
from nomos_testing.deployers.local.relay_process import local_relay
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.deployers.shared.network_control import RelayedNetwork, RelayNetworkControl
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.topology import own_hosts
from nomos_testing.waiting.machine import Patience

RELAY_LOG = "relay.log"


async def put_relay_between(
    cluster: LocalCluster,
    network: RelayedNetwork,
    resources: AsyncExitStack,
    *,
    run_directory: RunDirectory,
    journal: Journal,
    reaper: Reaper,
    patience: Patience,
    seed: int,
) -> None:
    """Start the relay, have it end with ``resources``, and give the cluster its network control.

    Raises:
        LaunchError: the relay does not start, or an address is in use.
    """
    relay = local_relay(network.sockets, evidence=run_directory.path / RELAY_LOG, seed=seed, started=reaper.watch_group)
    resources.push_async_callback(relay.close)
    await relay.start(ended=lambda reason: _note_end(journal, reason))
    cluster.network = RelayNetworkControl(
        relay,
        lambda: cluster.nodes,
        connected=network.connected,
        answering=lambda: cluster.control.answering,
        journal=journal,
        patience=patience,
    )


def own_address_problem() -> Problem | None:
    """Why nodes can't have loopback addresses of their own here; None where they can."""
    (host,) = own_hosts(1)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError as error:
        return Problem(
            f"network faults need a loopback address for each node, and {host} cannot be used: {error.strerror}",
            f"run on Linux, where all of 127.0.0.0/8 is there, or add the addresses ({host} and on), "
            "or leave network faults out of the scenario",
        )
    return None


def _note_end(journal: Journal, reason: str) -> None:
    journal.write(RelayEnded(reason))
