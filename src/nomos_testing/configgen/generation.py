"""Networks ready to be started: identities, wallets, one genesis with its proofs, and each node's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from nomos_core.config import ExecutorConfig, Genesis, NodeConfig, UtcTime, ValidatorConfig
from nomos_core.config.deployment import Deployment
from nomos_core.identifiers import ZkPublicKey
from nomos_core.mantle.network_genesis import GenesisNode, network_genesis
from nomos_core.mantle.transactions import Note, SignedMantleTx
from nomos_core.node_identity import NodeIdentity
from nomos_core.proofs.prover import Prover
from nomos_testing.cluster.interfaces import Role
from nomos_testing.configgen import consensus, data_availability, network, services
from nomos_testing.configgen.node_plan import NetworkPlan, NodePlan, quic_address
from nomos_testing.configgen.options import ConfigOptions
from nomos_testing.configgen.wallet_keys import WalletKeys
from nomos_testing.proof_cache import CachingProver
from nomos_testing.surroundings import THIS_MACHINE, Surroundings
from nomos_testing.topology.addresses import NodeAddresses
from nomos_testing.topology.generated import GeneratedNode, GeneratedTopology
from nomos_testing.topology.identities import joining_identity, node_identities
from nomos_testing.topology.layouts import Layout, dialled_nodes, peer_counts
from nomos_testing.topology.ports import NodePorts
from nomos_testing.topology.spec import TopologySpec
from nomos_testing.topology.wallets import WalletAccount, wallet_accounts


def generate_topology(
    spec: TopologySpec,
    options: ConfigOptions,
    *,
    ports: Sequence[NodePorts],
    prover: Prover,
    accounts: Sequence[WalletAccount] | None = None,
    addresses: Sequence[NodeAddresses] | None = None,
    directories: Sequence[Path] | None = None,
    chain_start: float | None = None,
    surroundings: Surroundings = THIS_MACHINE,
) -> GeneratedTopology:
    """Make everything that is needed to start the network. Nothing is written.

    Args:
        ports: one entry for each node; see ``reserve_ports``.
        accounts: replace those of ``spec.wallet``.
        addresses: one entry for each node; all on loopback by default.
        directories: one entry for each node. By default paths in the configuration are relative to the directory that
            a node is started in.
        chain_start: Unix seconds; now by default.
        surroundings: give the time, and the ids of a spec without a seed.

    Raises:
        ValueError: not as many ports, addresses or directories as nodes.
        ProofError: the prover failed.
    """
    identities = node_identities(spec, surroundings.rng)
    accounts = wallet_accounts(spec.wallet) if accounts is None else accounts
    addresses = addresses or [NodeAddresses()] * spec.node_count
    genesis = Genesis(genesis_tx=_genesis_tx(identities, ports, addresses, accounts, prover))
    shared = NetworkPlan(
        spec=spec,
        options=options,
        genesis=genesis,
        chain_start=UtcTime.of(surroundings.unix_time() if chain_start is None else chain_start),
        wallet_keys=WalletKeys.of(accounts),
    )
    common = consensus.deployment(spec)
    plans = _node_plans(shared, identities, ports, addresses, directories or [None] * spec.node_count)
    return GeneratedTopology(
        spec=spec,
        nodes=tuple(_node(plan, common) for plan in plans),
        genesis_tx=genesis.genesis_tx,
        chain_start=shared.chain_start,
        wallet_accounts=accounts,
    )


def generate_joining_node(
    network: GeneratedTopology,
    options: ConfigOptions,
    *,
    role: Role,
    index: int,
    ports: NodePorts,
    addresses: NodeAddresses | None = None,
    directory: Path | None = None,
    rng: Random = THIS_MACHINE.rng,
) -> GeneratedNode:
    """Make one more node for a network. It has no stake, and dials all nodes that the network began with.

    ``rng`` gives its id if the network has no seed.
    """
    identity = joining_identity(network.spec, f"{role}-{index}", rng)
    peers = tuple(quic_address(node.ports.network, node.addresses.advertised) for node in network.nodes)
    plan = NodePlan(
        network=NetworkPlan(
            spec=network.spec,
            options=options,
            genesis=Genesis(genesis_tx=network.genesis_tx),
            chain_start=network.chain_start,
            wallet_keys=WalletKeys.of(network.wallet_accounts),
        ),
        role=role,
        index=index,
        position=_joining_position(network.spec, role, index),
        identity=identity,
        ports=ports,
        addresses=addresses or NodeAddresses(),
        initial_peers=peers,
        expected_peers=len(peers),
        directory=directory,
    )
    return _node(plan, consensus.deployment(network.spec))


def _joining_position(spec: TopologySpec, role: Role, index: int) -> int:
    """Return the position of a node that joins: after all nodes of the topology."""
    return spec.node_count + index - (spec.validators if role is Role.VALIDATOR else spec.executors)


def _genesis_tx(
    identities: Sequence[NodeIdentity],
    ports: Sequence[NodePorts],
    addresses: Sequence[NodeAddresses],
    accounts: Sequence[WalletAccount],
    prover: Prover,
) -> SignedMantleTx:
    nodes = [
        GenesisNode(identity, da_locator=quic_address(own.da, host), blend_locator=quic_address(own.blend, host))
        for identity, own, host in zip(identities, ports, (each.advertised for each in addresses), strict=True)
    ]
    notes = [Note(account.value, ZkPublicKey(account.public_key)) for account in accounts]
    if not isinstance(prover, CachingProver):
        return network_genesis(nodes, notes, prover)
    # No node runs yet, so that real proofs may use all processors.
    with prover.all_processors():
        return network_genesis(nodes, notes, prover, workers=prover.processors)


def _node_plans(
    shared: NetworkPlan,
    identities: Sequence[NodeIdentity],
    ports: Sequence[NodePorts],
    addresses: Sequence[NodeAddresses],
    directories: Sequence[Path | None],
) -> list[NodePlan]:
    dialled = dialled_nodes(Layout(shared.spec.layout), shared.spec.node_count)
    expected_peers = peer_counts(dialled)
    return [
        NodePlan(
            network=shared,
            role=role,
            index=index,
            position=position,
            identity=identity,
            ports=own_ports,
            addresses=own_addresses,
            initial_peers=tuple(
                quic_address(ports[peer].network, addresses[peer].advertised) for peer in dialled[position]
            ),
            expected_peers=expected_peers[position],
            directory=directory,
        )
        for position, ((role, index), identity, own_ports, own_addresses, directory) in enumerate(
            zip(shared.spec.members, identities, ports, addresses, directories, strict=True)
        )
    ]


def _node(plan: NodePlan, common: Deployment) -> GeneratedNode:
    return GeneratedNode(
        role=plan.role,
        index=plan.index,
        identity=plan.identity,
        ports=plan.ports,
        addresses=plan.addresses,
        config=_config(plan, common),
        expected_peers=plan.expected_peers,
    )


def _config(plan: NodePlan, common: Deployment) -> NodeConfig:
    if plan.role is Role.VALIDATOR:
        return ValidatorConfig(da_network=data_availability.validator_da_network(plan), **_sections(plan, common))
    return ExecutorConfig(
        da_network=data_availability.executor_da_network(plan),
        da_dispersal=data_availability.dispersal_config(plan),
        **_sections(plan, common),
    )


def _sections(plan: NodePlan, common: Deployment) -> dict[str, Any]:
    """Return the sections that validators and executors have in common."""
    return {
        "network": network.network_config(plan),
        "blend": network.blend_config(plan),
        "deployment": common,
        "cryptarchia": consensus.cryptarchia_config(plan),
        "time": consensus.time_config(plan),
        "mempool": consensus.mempool_config(),
        "tracing": services.tracing_config(plan),
        "da_verifier": data_availability.verifier_config(plan),
        "sdp": services.sdp_config(),
        "da_sampling": data_availability.sampling_config(plan),
        "http": services.http_config(plan.addresses.http, plan.ports.api),
        "storage": services.storage_config(plan),
        "key_management": consensus.key_management_config(plan),
        "wallet": consensus.wallet_config(plan),
        "testing_http": services.http_config(plan.addresses.http, plan.ports.testing_http),
    }
