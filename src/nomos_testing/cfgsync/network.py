"""From the hosts that announced themselves to the network they are, with a configuration for each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
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
from nomos_testing.configgen import ConfigOptions, DataAvailabilityTimes, generate_topology
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedNode, GeneratedTopology, NodeAddresses, TopologySpec, with_sampling_delay

_LOG_PREFIXES = {Role.VALIDATOR: "nomos-node", Role.EXECUTOR: "nomos-executor"}


class CfgsyncInputError(ValueError):
    """The hosts and the file make no network; the text says which count is wrong."""


def in_order(hosts: Sequence[Registration]) -> list[Registration]:
    """Validators before executors, each by the number at their identifier's end."""
    return sorted(hosts, key=lambda host: host.order)


def prover_of(config: CfgsyncConfig, environ: Mapping[str, str] = os.environ) -> Prover:
    """Who signs the network's genesis.

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
    """The network of these hosts. A second call with the same hosts and ``chain_start`` gives the same one.

    That holds if ``config.ids`` are given, and but for the proofs in genesis where they are real ones: no hash depends
    on them. ``chain_start`` is in Unix seconds, now by default; ``settings`` are this process's environment's.

    Raises:
        CfgsyncInputError: not as many hosts, ids or ports as the file says.
        ProofError: the prover failed.
    """
    _check_counts(config, hosts)
    ordered = in_order(hosts)
    settings = settings or Settings.from_environ()
    spec = with_sampling_delay(_spec(config, ordered), settings)
    da_ports = config.da_ports or [None] * len(ordered)
    blend_ports = config.blend_ports or [None] * len(ordered)
    ports = [host.ports(da=da, blend=blend) for host, da, blend in zip(ordered, da_ports, blend_ports, strict=True)]
    network = generate_topology(
        spec,
        _options(config, settings),
        ports=ports,
        prover=prover,
        accounts=config.accounts,
        addresses=[_addresses(config, host) for host in ordered],
        chain_start=chain_start,
    )
    nodes = [_finished(config, network, *pair) for pair in zip(network.nodes, ordered, strict=True)]
    return replace(network, nodes=tuple(nodes))


def configuration_json(network: GeneratedTopology, node: GeneratedNode) -> dict[str, Any]:
    """What the server sends to a node: its configuration, and the members of each DA subnetwork beside it."""
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


def _spec(config: CfgsyncConfig, hosts: Sequence[Registration]) -> TopologySpec:
    validators = sum(host.role is Role.VALIDATOR for host in hosts)
    return TopologySpec(
        validators=validators,
        executors=len(hosts) - validators,
        layout=config.layout,
        slot_duration=config.slot_duration,
        active_slot_coeff=config.active_slot_coeff,
        security_param=config.security_param,
        data_availability=config.data_availability,
        sampling_delay=config.sampling_delay,  # a slow environment is in the file's delay already
        ids=config.ids,
    )


def _options(config: CfgsyncConfig, settings: Settings) -> ConfigOptions:
    times = DataAvailabilityTimes.of(settings)
    return ConfigOptions(
        kzg_params=Path(config.global_params_path),
        da_times=replace(times, old_blobs_check_interval=config.old_blobs_check_interval),
        da_limits=config.da_limits,
        offline_grace_period=settings.grace_period_seconds,
        use_autonat=settings.use_autonat,
        wallets_in_key_management=False,
    )


def _addresses(config: CfgsyncConfig, host: Registration) -> NodeAddresses:
    if config.relay is not None:
        return NodeAddresses.in_container_behind(config.relay.host)
    return NodeAddresses.in_container(host.ip)


def _finished(
    config: CfgsyncConfig, network: GeneratedTopology, node: GeneratedNode, host: Registration
) -> GeneratedNode:
    """What this path does to a configuration: peers are named by their ids, and the host in its logs and metrics."""
    peer_ids = {
        f"{other.addresses.advertised}:{other.ports.network}": other.identity.peer_id for other in network.nodes
    }
    finished: NodeConfig = with_setting(
        node.config,
        "network.backend.initial_peers",
        tuple(f"{peer}/p2p/{peer_ids[_udp_socket(peer)]}" for peer in node.config.network.backend.initial_peers),
    )
    finished = with_setting(finished, "da_network.min_session_members", 1)
    finished = with_setting(finished, "tracing", _tracing(config.tracing_settings, node, host.identifier))
    return replace(node, config=finished)


def _udp_socket(address: str) -> str:
    """``172.18.0.5:3000`` of ``/ip4/172.18.0.5/udp/3000/quic-v1``"""
    _, _, host, _, port, *_ = address.split("/")
    return f"{host}:{port}"


def _tracing(section: TracingConfig, node: GeneratedNode, identifier: str) -> TracingConfig:
    logger, traces, metrics = section.logger, section.tracing, section.metrics
    if isinstance(logger, FileLogger) and logger.prefix is None:
        logger = replace(logger, prefix=f"{_LOG_PREFIXES[node.role]}-{node.index}")
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
