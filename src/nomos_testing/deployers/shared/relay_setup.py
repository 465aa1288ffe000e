"""Starts the relay between the nodes of a network, and gives the network its network control."""

from __future__ import annotations

from typing import Final

from nomos_testing.cluster.network_events import RelayEnded
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.network_control import RelayNetworkControl
from nomos_testing.deployers.shared.relay_client import ANSWER_SECONDS, RelayClient
from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.topology import TopologySpec
from nomos_testing.topology.layouts import Layout, connected_pairs, dialled_nodes

RELAY_LOG: Final = "relay.log"
"""The relay's log, in the directory of the run."""


async def start_relay(run: OpenRun, cluster: DeployedCluster, relay: RelayClient) -> None:
    """Start the relay, have it end with the run, and give the cluster its network control.

    Raises:
        LaunchError: the relay does not start, or an address is in use.
    """

    def note_end(reason: str) -> None:
        run.journal.write(RelayEnded(reason))

    run.resources.push_async_callback(relay.close)
    answer_seconds = run.patience.seconds(ANSWER_SECONDS)
    await relay.start(ended=note_end, watch=run.background.watch, answer_seconds=answer_seconds)
    cluster.network = RelayNetworkControl(
        relay,
        lambda: cluster.nodes,
        connected=connected_nodes(run.scenario.topology),
        answering=lambda: cluster.control.answering,
        journal=run.journal,
        patience=run.patience,
    )


def connected_nodes(spec: TopologySpec) -> frozenset[frozenset[str]]:
    """Return the pairs of nodes, by name, that the layout connects."""
    pairs = connected_pairs(dialled_nodes(Layout(spec.layout), spec.node_count))
    return frozenset(frozenset(spec.node_names[node] for node in pair) for pair in pairs)
