"""The plan of a network: identities, ports and genesis of a scenario's topology, and a blueprint of each node."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nomos_core.proofs.prover import Prover
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import (
    ConfigOptions,
    NodeLogging,
    generate_joining_node,
    generate_topology,
)
from nomos_testing.deployers.shared.kzg_parameters import kzg_params_file, kzg_params_places
from nomos_testing.deployers.shared.node import node_name
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings
from nomos_testing.topology import (
    GeneratedNode,
    GeneratedTopology,
    NodeAddresses,
    own_hosts,
    reserve_ports,
    with_sampling_delay,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBlueprint:
    """Everything that is known of a node before it runs."""

    role: Role
    index: int
    network_port: int
    url: str
    testing_url: str | None
    config: str
    """The YAML that it is started with."""
    log_directory: Path | None = None
    """The directory of its log files; None: its own directory."""
    log_prefix: str = "__logs"
    sockets: NodeSockets | None = None
    """The sockets that a relay stands before; None where there is no relay."""

    @property
    def name(self) -> str:
        return node_name(self.role, self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNetwork:
    descriptors: GeneratedTopology
    blueprints: Sequence[NodeBlueprint]
    """Validators first, then executors."""
    release_ports: Callable[[], None]
    """To be called just before the nodes bind their ports."""
    join: Callable[[Role, int, int], NodeBlueprint] | None = None
    """Plans one more node, with a role, an index and a position; None where no node can join."""

    @property
    def sockets(self) -> Mapping[str, NodeSockets]:
        """The sockets that the relay stands before; empty where nodes reach each other without a relay."""
        return {each.name: each.sockets for each in self.blueprints if each.sockets is not None}


class NetworkPlanner(Protocol):
    """Makes the network of a scenario; runs in a thread, because making genesis takes time."""

    def __call__(
        self, scenario: Scenario, run_directory: RunDirectory, settings: Settings, prover: Prover
    ) -> PlannedNetwork: ...


def plan_network(
    scenario: Scenario,
    run_directory: RunDirectory,
    settings: Settings,
    prover: Prover,
    *,
    surroundings: Surroundings = THIS_MACHINE,
) -> PlannedNetwork:
    """Make the network of a scenario's topology: identities, ports, genesis, and every node's configuration."""
    spec = with_sampling_delay(scenario.topology, settings)
    options = config_options(settings)
    reservation = reserve_ports(
        spec.node_count, da_ports=spec.da_ports, blend_ports=spec.blend_ports, rng=surroundings.rng
    )
    try:
        generated = generate_topology(
            spec,
            options,
            ports=reservation.nodes,
            prover=prover,
            addresses=_behind_relay(spec.node_count) if scenario.network_control else None,
            directories=[run_directory.node(name) for name in spec.node_names],
            surroundings=surroundings,
        )
    except BaseException:
        reservation.release()
        raise

    def join(role: Role, index: int, position: int) -> NodeBlueprint:
        with reserve_ports(1, rng=surroundings.rng) as own_ports:
            node = generate_joining_node(
                generated,
                options,
                role=role,
                index=index,
                ports=own_ports.nodes[0],
                addresses=_behind_relay(position + 1)[-1] if scenario.network_control else None,
                directory=run_directory.node(node_name(role, index)),
                rng=surroundings.rng,
            )
        return _blueprint(node, options.logging)

    return PlannedNetwork(
        descriptors=generated,
        blueprints=[_blueprint(node, options.logging) for node in generated.nodes],
        release_ports=reservation.release,
        join=join,
    )


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


def _blueprint(node: GeneratedNode, logging: NodeLogging) -> NodeBlueprint:
    program = "nomos-node" if node.role is Role.VALIDATOR else "nomos-executor"
    return NodeBlueprint(
        role=node.role,
        index=node.index,
        network_port=node.ports.network,
        url=f"http://127.0.0.1:{node.ports.api}",
        testing_url=f"http://127.0.0.1:{node.ports.testing_http}",
        config=node.config_yaml(),
        log_directory=logging.directory,
        log_prefix="__logs" if logging.directory is None else f"{program}-{node.index}",
        sockets=NodeSockets(node.host, node.ports.peering) if node.host else None,
    )
