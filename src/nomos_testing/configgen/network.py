"""The sections ``network`` and ``blend``, and Blend's part of the section ``deployment``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nomos_core.config.deployment import MAINNET, BlendDeployment, NetworkDeployment
from nomos_core.config.durations import Duration
from nomos_core.config.network import (
    BlendConfig,
    BlendCore,
    BlendCoreBackend,
    BlendEdge,
    BlendEdgeBackend,
    BlendZk,
    ChainSyncConfig,
    IdentifyConfig,
    NetworkBackend,
    NetworkConfig,
    PeeringDegree,
    StaticNat,
    SwarmConfig,
    TraversalNat,
)
from nomos_testing.configgen.node_plan import NodePlan, quic_address

NETWORK_NAMES: Final = NetworkDeployment(
    kademlia_protocol_name="/integration/nomos/kad/1.0.0",
    identify_protocol_name="/integration/nomos/identify/1.0.0",
)

_PEER_RESPONSE_TIMEOUT: Final = Duration.of(60)
_SMALLEST_BLEND_NETWORK: Final = 30


def network_config(plan: NodePlan) -> NetworkConfig:
    own_address = quic_address(plan.ports.network, plan.addresses.advertised)
    relayed = plan.addresses.relayed
    # Behind a relay a node must not announce where it listens: others would dial it past the relay.
    traversal = plan.options.use_autonat and not relayed
    swarm = SwarmConfig(
        host=plan.addresses.chain,
        port=plan.ports.network,
        node_key=plan.identity.id,
        chain_sync_config=ChainSyncConfig(peer_response_timeout=_PEER_RESPONSE_TIMEOUT),
        identify_config=IdentifyConfig(hide_listen_addrs=True if relayed else None),
        nat_config=TraversalNat() if traversal else StaticNat(external_address=own_address),
    )
    return NetworkConfig(backend=NetworkBackend(swarm=swarm, initial_peers=plan.initial_peers))


def blend_config(plan: NodePlan) -> BlendConfig:
    backend = BlendCoreBackend(
        listening_address=plan.listening_address(plan.ports.blend),
        core_peering_degree=PeeringDegree(start=1, end=3),
        edge_node_connection_timeout=Duration.of(1),
        max_edge_node_incoming_connections=300,
        max_dial_attempts_per_peer=3,
    )
    return BlendConfig(
        non_ephemeral_signing_key=plan.identity.id,
        recovery_path_prefix=plan.path("recovery/blend"),
        core=BlendCore(backend=backend, zk=BlendZk(secret_key_kms_id=plan.provider_key_id)),
        edge=BlendEdge(backend=BlendEdgeBackend(max_dial_attempts_per_peer_per_message=1, replication_factor=1)),
    )


def blend_deployment(nodes: int) -> BlendDeployment:
    """Return the mix network's settings, which all nodes share. Timing and scheduling are the main network's.

    The mix network stays dormant: no test network reaches its minimum size.
    """
    main = MAINNET.blend
    common = replace(
        main.common,
        num_blend_layers=1,
        minimum_network_size=max(_SMALLEST_BLEND_NETWORK, nodes + 1),
        protocol_name="/blend/integration-tests",
    )
    return BlendDeployment(common=common, core=replace(main.core, minimum_messages_coefficient=1))
