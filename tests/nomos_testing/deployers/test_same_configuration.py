"""The settings say the same to every node, however it gets its configuration.

Five ways are compared: processes on this machine, containers that the deployer's cfgsync serves, a cfgsync server that
was started by hand in the same environment, and a node that joins processes or containers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.config import NodeConfig, config_to_json
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing import ScenarioBuilder
from nomos_testing.cfgsync.network import joining_node, network_of
from nomos_testing.cfgsync.registration import Registration
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import ConfigOptions
from nomos_testing.deployers.compose.compose_tool import ComposeTool
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.preflight import Prepared
from nomos_testing.deployers.compose.stack import StackName, StackNode, stack_node
from nomos_testing.deployers.compose.stack_planning import StackPlanner
from nomos_testing.deployers.local.planning import plan_network
from nomos_testing.runtime.run_directory import RunDirectory
from nomos_testing.settings import Settings, documented_variables
from nomos_testing.topology import DataAvailability, GeneratedTopology

COUNTS = st.integers(1, 5000).map(str)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "POL_PROOF_DEV_MODE": st.sampled_from(["true", "false"]),
    "NOMOS_PROVER": st.just("development"),
    "CONSENSUS_SLOT_TIME": st.sampled_from(["0.25", "1", "2", "3"]),
    "CONSENSUS_ACTIVE_SLOT_COEFF": st.sampled_from(["0.5", "0.9", "1"]),
    "SLOW_TEST_ENV": st.sampled_from(["true", "false"]),
    "NOMOS_GRACE_PERIOD_SECS": COUNTS,
    "NOMOS_TESTS_TRACING": st.sampled_from(["true", "false"]),
    "NOMOS_TESTS_KEEP_LOGS": st.just("1"),
    "NOMOS_LOG_LEVEL": st.sampled_from(["error", "warn", "info", "debug", "trace"]),
    "NOMOS_LOG_FILTER": st.sampled_from(["nomos=debug", "consensus=trace,da=off"]),
    "NOMOS_OTLP_ENDPOINT": st.just("http://traces:4317"),
    "NOMOS_OTLP_METRICS_ENDPOINT": st.just("http://metrics:4318"),
    "NOMOS_USE_AUTONAT": st.just("1"),
    "NOMOS_DISPERSAL_TIMEOUT_SECS": COUNTS,
    "NOMOS_RETRY_COOLDOWN_SECS": COUNTS,
    "NOMOS_SHARE_DURATION_SECS": COUNTS,
    "NOMOS_PRUNE_DURATION_SECS": COUNTS,
    "NOMOS_PRUNE_INTERVAL_SECS": COUNTS,
    "NOMOS_COMMITMENTS_WAIT_SECS": COUNTS,
    "NOMOS_SDP_TRIGGER_DELAY_SECS": COUNTS,
}
WITHOUT_EFFECT_ON_NODES = ("DEMO", "COMPOSE", "RUNNER", "DOCKER", "TESTNET", "PROMETHEUS", "METRICS_QUERY", "RUST_LOG")
WITHOUT_EFFECT_ON_NODES += ("K8S", "KZG_MODE", "CFGSYNC_PORT")
PLACES = ("NOMOS_NODE_BIN", "NOMOS_EXECUTOR_BIN", "NOMOS_CIRCUITS", "NOMOS_LOG_DIR", "NOMOS_KZGRS_PARAMS_PATH")
PLACES += ("NOMOS_TESTS_FAKETIME_LIB",)
environments = st.fixed_dictionaries({}, optional=VALUES)
parameters = st.sampled_from(
    ["standard", "original", DataAvailability(dispersal_factor=2, num_samples=2, sampling_stagger=0.25)]
)
PROVER = DevelopmentProver()


def test_every_variable_is_tried_that_may_reach_a_node() -> None:
    names = {variable.names[0] for variable in documented_variables()}
    assert set(VALUES) <= names
    untried = names - set(VALUES) - set(PLACES)
    assert [name for name in sorted(untried) if not any(word in name for word in WITHOUT_EFFECT_ON_NODES)] == []


@dataclass(frozen=True)
class Ways:
    """The configurations of one network: of its three nodes, and of a validator that joins it."""

    processes: tuple[NodeConfig, ...]
    containers: tuple[NodeConfig, ...]
    by_hand: tuple[NodeConfig, ...]
    process_that_joins: NodeConfig
    container_that_joins: NodeConfig


def ways(environ: dict[str, str], da: Any, directory: Path) -> Ways:
    asked = Settings.from_environ(environ)
    assert asked.warnings == ()
    builder = ScenarioBuilder.topology(validators=2, executors=1, data_availability=da).wallets(3).seed(7)
    scenario = builder.slot(seconds=asked.slot_seconds, active_slot_coeff=asked.active_slot_coeff).run_for(slots=2)
    local = plan_network(scenario.build(), RunDirectory.create(directory, "x"), asked, PROVER)
    local.release_ports()
    assert local.join is not None
    joining = local.join(Role.VALIDATOR, 2, 3).config

    planner = StackPlanner(
        scenario=scenario.build(),
        settings=asked,
        prepared=prepared(environ),
        environ=environ,
        name=StackName("1"),
        relay_log=None,
    )
    stack = planner.plan()
    file = planner.cfgsync(stack.network)
    hosts = [registration(node) for node in stack.nodes]
    # The server's own environment has nothing to say: the file says all.
    compose = network_of(file, hosts, prover=PROVER, settings=Settings(), chain_start=0)
    by_hand = network_of(left_open(file), hosts, prover=PROVER, settings=asked, chain_start=0)
    place = stack_node(Role.VALIDATOR, 2, 3, stack.network)
    joined = joining_node(file, compose, role=Role.VALIDATOR, index=2, ports=place.ports, address=place.address, seed=7)
    return Ways(configs(local.descriptors), configs(compose), configs(by_hand), parsed(joining), joined.config)


def configs(network: GeneratedTopology) -> tuple[NodeConfig, ...]:
    return tuple(node.config for node in network.nodes)


def parsed(text: str) -> NodeConfig:
    from nomos_core.config import load_config

    return load_config(text, source="validator-2", kind="validator")


def prepared(environ: dict[str, str]) -> Prepared:
    docker = Docker(environ)
    return Prepared(
        docker=docker,
        tool=ComposeTool(docker, ("docker", "compose")),
        image="nodes:test",
        platform=None,
        assets=Path(),
        kzg=None,
        prover=PROVER,
        clock_library=None,
    )


def registration(node: StackNode) -> Registration:
    ports = {"network_port": node.ports.network, "da_port": node.ports.da, "blend_port": node.ports.blend}
    return Registration(role=node.role, ip=node.address, identifier=node.name, **ports)


def left_open(file: CfgsyncConfig) -> CfgsyncConfig:
    """The same file without the keys that a server's environment can decide."""
    return replace(file, da_times=None, offline_grace_period=None, use_autonat=None)


OWN = {
    "global_params_path",
    *("blob_storage_directory", "db_path", "recovery_path_prefix", "recovery_file", "recovery_path"),
    *("host", "port", "api_port", "address", "listening_address", "external_address", "initial_peers"),
    *("logger", "service_name", "host_identifier"),
    "chain_start_time",
    "genesis_tx",  # it names the addresses of all nodes
}
"""Addresses, ports, paths, names, and the moment at which the network was made."""


IDENTITY = (
    *(".blend.core.zk.secret_key_kms_id", ".blend.non_ephemeral_signing_key", ".cryptarchia.leader."),
    *(".da_network.backend.node_key", ".network.backend.swarm.node_key", ".key_management.keys.", ".wallet.known_keys"),
    ".da_sampling.sdp_blob_trigger_sampling_delay",  # each node samples a moment after the node before it
)
"""The settings in which a node differs from the other nodes of its network."""


def settings_of(config: NodeConfig) -> dict[str, Any]:
    """Every setting by its path, without what is a node's own."""
    return dict(_leaves(config_to_json(config), ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            if key not in OWN:
                yield from _leaves(inner, f"{path}.{key}")
    else:
        yield path, value


@settings(max_examples=60, deadline=None)
@given(environments, parameters)
def test_all_ways_say_the_same(environ: dict[str, str], da: Any) -> None:
    with TemporaryDirectory() as directory:
        found = ways(environ, da, Path(directory))
    for process, container, by_hand in zip(found.processes, found.containers, found.by_hand, strict=True):
        assert settings_of(container) == settings_of(process)
        assert settings_of(by_hand) == settings_of(process)
    joining = settings_of(found.container_that_joins)
    assert joining == settings_of(found.process_that_joins)
    sibling = settings_of(found.containers[0])
    differing = {path for path in joining.keys() | sibling.keys() if joining.get(path) != sibling.get(path)}
    assert [path for path in sorted(differing) if not path.startswith(IDENTITY)] == []


def test_what_a_deployers_file_says_is_what_the_settings_asked_for() -> None:
    other = {item.name: 7.5 for item in fields(type(ConfigOptions(kzg_params=Path("/p")).da_times))}
    options = ConfigOptions.of(Settings(use_autonat=True, grace_period_seconds=9), kzg_params=Path("/p"))
    options = replace(options, da_times=replace(options.da_times, **other), wallets_in_key_management=False)
    spec = ScenarioBuilder.topology(validators=2).run_for(slots=2).build().topology
    read = CfgsyncConfig.for_network(spec, options).options(Settings())
    # A topology of two nodes has limits of its own.
    assert read == replace(options, da_limits=replace(options.da_limits, max_failures=1000, malicious_threshold=1000))
