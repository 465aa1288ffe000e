"""The network of the hosts that announced themselves, with a configuration for each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nomos_core.config import NodeConfig, config_to_json, with_setting
from nomos_core.config.tracing import FileLogger, LokiLogger, TracingConfig
from nomos_core.da.membership import Membership, next_membership
from nomos_core.peer_identity import peer_id
from nomos_core.proofs.prover import Prover
from nomos_core.proofs.selection import DEVELOPMENT_MODE_VARIABLE, PROVER_VARIABLE, select_prover
from nomos_testing.cfgsync.registration import Registration
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import generate_joining_node, generate_topology
from nomos_testing.configgen.services import shared_log_prefix
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedNode, GeneratedTopology, NodeAddresses
from nomos_testing.topology.ports import NodePorts


class CfgsyncInputError(ValueError):
    """The hosts do not fit the file. The text says which count is wrong."""


def in_order(hosts: Sequence[Registration]) -> list[Registration]:
    """Sort hosts: validators before executors, each by the number at the end of the identifier."""
    return sorted(hosts, key=lambda host: host.order)


def prover_of(config: CfgsyncConfig, environ: Mapping[str, str] = os.environ) -> Prover:
    """Return the prover that signs the network's genesis.

    Raises:
        ProverUnavailable: see ``select_prover``.
    """
    chosen = {PROVER_VARIABLE: config.prover} if config.prover else {}
    return select_prover({DEVELOPMENT_MODE_VARIABLE: "true", **environ, **chosen})


def network_of(
    config: CfgsyncConfig,
    hosts: Sequence[Registration],
    *,
    prover: Prover,
    chain_start: float | None = None,
    settings: Settings | None = None,
) -> GeneratedTopology:
    """Make the network of these hosts.

    A second call with the same hosts and ``chain_start`` gives the same network if the file has ``ids``. Only real
    proofs in genesis differ from call to call; no hash depends on them.

    Args:
        chain_start: Unix seconds; now by default.
        settings: decide what the file leaves open; by default those of this process's environment.

    Raises:
        CfgsyncInputError: not as many hosts, ids or ports as the file says.
        ProofError: the prover failed.
    """
    _check_counts(config, hosts)
    ordered = in_order(hosts)
    settings = settings or Settings.from_environ()
    validators = sum(host.role is Role.VALIDATOR for host in ordered)
    da_ports = config.da_ports or [None] * len(ordered)
    blend_ports = config.blend_ports or [None] * len(ordered)
    ports = [host.ports(da=da, blend=blend) for host, da, blend in zip(ordered, da_ports, blend_ports, strict=True)]
    network = generate_topology(
        config.spec(validators, len(ordered) - validators, settings),
        config.options(settings),
        ports=ports,
        prover=prover,
        accounts=config.accounts,
        addresses=[_addresses(config, host.ip) for host in ordered],
        chain_start=chain_start,
    )
    nodes = [
        _finished(config, network, node, host.identifier) for node, host in zip(network.nodes, ordered, strict=True)
    ]
    return replace(network, nodes=tuple(nodes))


def joining_node(
    config: CfgsyncConfig,
    network: GeneratedTopology,
    *,
    role: Role,
    index: int,
    ports: NodePorts,
    address: str,
    seed: int | None = None,
    settings: Settings | None = None,
) -> GeneratedNode:
    """Make one more node for a network that ``network_of`` made, with the same settings as its other nodes.

    The server knows only the hosts of its file, so that a deployer configures nodes that join. The node's keys follow
    from ``seed``; without one they are random.
    """
    node = generate_joining_node(
        replace(network, spec=replace(network.spec, seed=seed)),
        config.options(settings or Settings.from_environ()),
        role=role,
        index=index,
        ports=ports,
        addresses=_addresses(config, address),
    )
    return _finished(config, network, node, node.name)


def configuration_json(network: GeneratedTopology, node: GeneratedNode) -> dict[str, Any]:
    """Return what the server sends to a node: its configuration, with the members of each DA subnetwork."""
    body = config_to_json(node.config)
    body["da_network"]["membership"]["assignations"] = _assignations(network)
    return body


def _check_counts(config: CfgsyncConfig, hosts: Sequence[Registration]) -> None:
    for label, values in (
        ("host", hosts),
        ("id", config.ids),
        ("da port", config.da_ports),
        ("blend port", config.blend_ports),
    ):
        if values is not None and len(values) != config.n_hosts:
            raise CfgsyncInputError(f"{label} count {len(values)} does not match participants {config.n_hosts}")


def _addresses(config: CfgsyncConfig, ip: str) -> NodeAddresses:
    if config.relay is not None:
        return NodeAddresses.in_container_behind(config.relay.host)
    return NodeAddresses.in_container(ip)


def _finished(config: CfgsyncConfig, network: GeneratedTopology, node: GeneratedNode, identifier: str) -> GeneratedNode:
    """Add the peers' ids to their addresses, and the host's name to its logs and metrics."""
    peer_ids = {
        f"{other.addresses.advertised}:{other.ports.network}": other.identity.peer_id for other in network.nodes
    }
    finished: NodeConfig = with_setting(
        node.config,
        "network.backend.initial_peers",
        tuple(f"{peer}/p2p/{peer_ids[_udp_socket(peer)]}" for peer in node.config.network.backend.initial_peers),
    )
    finished = with_setting(finished, "tracing", _tracing(config.tracing_settings, node, identifier))
    return replace(node, config=finished)


def _udp_socket(address: str) -> str:
    """Return ``172.18.0.5:3000`` for ``/ip4/172.18.0.5/udp/3000/quic-v1``."""
    _, _, host, _, port, *_ = address.split("/")
    return f"{host}:{port}"


def _tracing(section: TracingConfig, node: GeneratedNode, identifier: str) -> TracingConfig:
    logger, traces, metrics = section.logger, section.tracing, section.metrics
    if isinstance(logger, FileLogger) and logger.prefix is None:
        logger = replace(logger, prefix=shared_log_prefix(node.role, node.index))
    elif isinstance(logger, LokiLogger):
        logger = replace(logger, host_identifier=identifier)
    return replace(
        section,
        logger=logger,
        tracing=traces and replace(traces, service_name=identifier),
        metrics=metrics and replace(metrics, host_identifier=identifier),
    )


def _assignations(network: GeneratedTopology) -> dict[str, list[str]]:
    da = network.spec.da
    keys = [node.identity.node_key.public for node in network.nodes]
    empty = Membership.empty(da.subnetwork_size, da.dispersal_factor)
    members = next_membership(empty, 0, keys)
    return {str(number): sorted(map(peer_id, keys)) for number, keys in enumerate(members.subnetworks)}
