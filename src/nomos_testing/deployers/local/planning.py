"""From a scenario to the nodes that are to run: the network with all its keys and ports, and a blueprint a node."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from nomos_core.proofs.prover import Prover
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import (
    ConfigOptions,
    NodeLogging,
    generate_newcomer,
    generate_topology,
)
from nomos_testing.deployers.local.node import NodeBlueprint
from nomos_testing.deployers.shared.kzg_parameters import kzg_params_file, kzg_params_places
from nomos_testing.deployers.shared.network_control import RelayedNetwork
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.topology import (
    GeneratedNode,
    GeneratedTopology,
    Layout,
    NodeAddresses,
    own_hosts,
    reserve_ports,
    with_sampling_delay,
)
from nomos_testing.topology.layouts import connected_pairs, dialled_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNetwork:
    descriptors: GeneratedTopology
    blueprints: Sequence[NodeBlueprint]
    """Validators first, then executors."""
    release_ports: Callable[[], None]
    """To be called just before the nodes bind their ports."""
    relayed: RelayedNetwork | None = None
    """What the relay has to know; None where nodes reach each other without one."""
    newcomer: Callable[[Role, int], PlannedNewcomer] | None = None
    """Plans one more node, of a role and with an index; None where the network cannot be added to."""


@dataclass(frozen=True, slots=True)
class PlannedNewcomer:
    blueprint: NodeBlueprint
    sockets: NodeSockets | None
    """What the relay has to know."""
    dialled: tuple[str, ...]
    """The nodes it connects to."""


class NetworkPlanner(Protocol):
    """Makes the network of a scenario; runs in a thread, because making genesis takes time."""

    def __call__(
        self, scenario: Scenario, run_directory: RunDirectory, settings: Settings, prover: Prover
    ) -> PlannedNetwork: ...


def plan_network(scenario: Scenario, run_directory: RunDirectory, settings: Settings, prover: Prover) -> PlannedNetwork:
    """Make the network of a scenario's topology: identities, ports, genesis, and every node's configuration."""
    spec = with_sampling_delay(scenario.topology, settings)
    options = config_options(settings)
    reservation = reserve_ports(spec.node_count, da_ports=spec.da_ports, blend_ports=spec.blend_ports)
    try:
        generated = generate_topology(
            spec,
            options,
            ports=reservation.nodes,
            prover=prover,
            addresses=_behind_relay(spec.node_count) if scenario.network_control else None,
            directories=[run_directory.node(name) for name in spec.node_names],
        )
    except BaseException:
        reservation.release()
        raise
    logging = options.logging
    return PlannedNetwork(
        descriptors=generated,
        blueprints=[_blueprint(node, logging) for node in generated.nodes],
        release_ports=reservation.release,
        relayed=_relayed(generated),
        newcomer=partial(_newcomer, generated, run_directory, options),
    )


def _newcomer(
    network: GeneratedTopology, run_directory: RunDirectory, options: ConfigOptions, role: Role, index: int
) -> PlannedNewcomer:
    present = len(list(run_directory.node_directories()))
    with reserve_ports(1) as reservation:
        node = generate_newcomer(
            network,
            options,
            role=role,
            index=index,
            ports=reservation.nodes[0],
            addresses=_behind_relay(present + 1)[-1] if network.nodes[0].host else None,
            directory=run_directory.node(f"{role}-{index}"),
        )
    sockets = NodeSockets(node.host, node.ports.peering) if node.host else None
    return PlannedNewcomer(_blueprint(node, options.logging), sockets, tuple(other.name for other in network.nodes))


def _behind_relay(nodes: int) -> list[NodeAddresses]:
    return [NodeAddresses.behind_loopback_relay(host) for host in own_hosts(nodes)]


def config_options(settings: Settings) -> ConfigOptions:
    """Return the options of processes on this machine."""
    return ConfigOptions.of(
        settings,
        kzg_params=kzg_params_file(settings.kzg_params or kzg_params_places(os.environ)[0]),
        # Files outlive the run only if both variables ask for it.
        log_directory=settings.log_dir.absolute() if settings.tests_tracing and settings.log_dir is not None else None,
    )


def _relayed(generated: GeneratedTopology) -> RelayedNetwork | None:
    names = [node.name for node in generated.nodes]
    sockets = {node.name: NodeSockets(node.host, node.ports.peering) for node in generated.nodes if node.host}
    dialled = dialled_nodes(Layout(generated.spec.layout), generated.spec.node_count)
    connected = frozenset(frozenset(names[node] for node in pair) for pair in connected_pairs(dialled))
    return RelayedNetwork(sockets, connected) if sockets else None


def _blueprint(node: GeneratedNode, logging: NodeLogging) -> NodeBlueprint:
    program = "nomos-node" if node.role is Role.VALIDATOR else "nomos-executor"
    return NodeBlueprint(
        role=node.role,
        index=node.index,
        network_port=node.ports.network,
        url=f"http://127.0.0.1:{node.ports.api}",
        testing_url=f"http://127.0.0.1:{node.ports.testing_http}",
        expected_peers=node.expected_peers,
        required_subnetworks=node.config.da_network.subnet_threshold,
        config=node.config_yaml(),
        log_directory=logging.directory,
        log_prefix="__logs" if logging.directory is None else f"{program}-{node.index}",
    )
