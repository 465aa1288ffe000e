"""Metrics of a node, under the names of the real node. They are read from the services when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from nomos_node.chain.chain import Chain
from nomos_node.da.service import DataAvailability
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import Mempool
from nomos_node.network.peer_network import Network
from nomos_node.sync.proposals import ProposalGossip
from nomos_node.telemetry.instruments import Counter
from nomos_node.telemetry.metrics import Distribution, Kind, Metric, Number


def node_metrics(
    *,
    chain: Chain,
    mempool: Mempool,
    proposals: ProposalGossip,
    transactions: TransactionGossip,
    network: Network,
    availability: DataAvailability | None,
) -> Sequence[Metric]:
    swarms = (network,) if availability is None else (network, availability.network)
    traffic = network.traffic
    return (
        *_consensus(chain, proposals),
        Number("tx_mempool_pending_items", "Transactions waiting for a block.", lambda: mempool.pending_count),
        Number(
            "behaviour_events_received",
            "Messages of the data availability protocols from other members.",
            lambda: 0 if availability is None else availability.network.traffic.frames.value,
        ),
        Number(
            "connection_event",
            "Peers that connected or disconnected, in either swarm.",
            lambda: sum(swarm.traffic.peer_changes.value for swarm in swarms),
        ),
        Number(
            "successful_inbound_messages",
            "Gossip messages from peers that could be read.",
            lambda: traffic.arrived.value - _unreadable(proposals, transactions),
        ),
        Number(
            "failed_inbound_messages",
            "Gossip messages from peers that could not be read.",
            lambda: _unreadable(proposals, transactions),
        ),
        _counted("successful_outbound_messages", "Gossip messages sent to peers.", traffic.sent),
        _counted("failed_outbound_messages", "Gossip messages given up for want of peers.", traffic.unsent),
        _counted("ignored_event", "Block proposals of peers that were known already.", proposals.known),
    )


def _consensus(chain: Chain, proposals: ProposalGossip) -> Sequence[Metric]:
    return (
        _counted("consensus_processed_blocks", "Blocks added to the tree, whoever made them.", chain.processed_blocks),
        Number(
            "consensus_transactions_total",
            "Transactions in the blocks added to the tree.",
            lambda: chain.processed_transactions.value,
            Kind.COUNTER,
        ),
        _counted("received_blocks", "Blocks rebuilt from proposals of peers.", proposals.received),
        Distribution("received_blocks_data", "Bytes of the proposals of received blocks.", proposals.received_sizes),
    )


def _counted(name: str, description: str, counter: Counter) -> Number:
    return Number(name, description, lambda: counter.value)


def _unreadable(proposals: ProposalGossip, transactions: TransactionGossip) -> int:
    return proposals.unreadable.value + transactions.unreadable.value
