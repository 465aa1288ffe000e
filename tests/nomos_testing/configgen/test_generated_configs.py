"""The configurations that nodes are started with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from nomos_core.config import Genesis, NodeConfig, dump_config, load_config
from nomos_core.config.data_availability import DaMembership
from nomos_core.config.document import parse_document
from nomos_core.config.network import StaticNat
from nomos_core.mantle.genesis import validate_genesis
from nomos_core.mantle.operations import SDPDeclare, ServiceType
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import (
    ConfigOptions,
    DataAvailabilityTimes,
    NodeLogging,
    generate_joining_node,
    generate_topology,
    real_node_objections,
)
from nomos_testing.settings import Settings, documented_variables
from nomos_testing.topology import (
    GeneratedTopology,
    NodeAddresses,
    NodePorts,
    TopologySpec,
    WalletSpec,
    own_hosts,
    with_sampling_delay,
)
from nomos_testing.topology.presets import DataAvailability
from support.inputs.golden import golden_path

KZG = Path("/kzgrs_test_params")
START = 1_765_555_200.25


def ports(nodes: int) -> list[NodePorts]:
    return [
        NodePorts(network=n, da=n + 1, blend=n + 2, api=n + 3, testing_http=n + 4)
        for n in range(3000, 3000 + 10 * nodes, 10)
    ]


def generate(
    spec: TopologySpec, options: ConfigOptions | None = None, directories: Sequence[Path] | None = None
) -> GeneratedTopology:
    return generate_topology(
        spec,
        options or ConfigOptions(kzg_params=KZG),
        ports=ports(spec.node_count),
        prover=DevelopmentProver(),
        directories=directories,
        chain_start=START,
    )


@pytest.fixture(scope="module")
def network() -> GeneratedTopology:
    return generate(TopologySpec(validators=3, executors=1, wallet=WalletSpec(total=1000, users=10), seed=7))


def test_nodes_are_validators_then_executors(network: GeneratedTopology) -> None:
    assert [node.name for node in network.nodes] == ["validator-0", "validator-1", "validator-2", "executor-0"]
    assert network.nodes[3].label == "executor#0@3030"
    assert [node.name for node in network.executors] == ["executor-0"]
    assert network.expected_peer_counts == (3, 1, 1, 1)


def test_written_configurations_load_as_they_were_generated(network: GeneratedTopology) -> None:
    for node in network.nodes:
        config = load_config(node.config_yaml(), source=node.name, kind=node.config.kind)
        assert config == node.config
        assert config.unknown_keys == ()


@pytest.mark.parametrize(("index", "file"), [(0, "validator.yaml"), (3, "executor.yaml")])
def test_a_configuration_has_exactly_the_keys_of_the_real_nodes(index: int, file: str) -> None:
    options = ConfigOptions(kzg_params=KZG, logging=NodeLogging(filters={"nomos": "debug"}))
    node = generate(TopologySpec(validators=3, executors=1), options).nodes[index]
    assert set(key_paths(node.config_yaml())) == set(key_paths(golden_path(file).read_text()))


def key_paths(text: str) -> Iterator[str]:
    """Every key of a schema in the file; the keys of free maps (key ids, genesis operations) are left out."""
    root = parse_document(text)
    assert root is not None
    return _key_paths(root.to_plain(), "")


def _key_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and not path.endswith(("key_management.keys", "ops[]", "ops_proofs[]")):
        for key, inner in value.items():
            yield f"{path}.{key}"
            yield from _key_paths(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _key_paths(inner, f"{path}[]")


def test_all_nodes_share_genesis_deployment_and_start(network: GeneratedTopology) -> None:
    for node in network.nodes:
        assert node.config.cryptarchia.service.starting_state == Genesis(genesis_tx=network.genesis_tx)
        assert node.config.deployment == network.nodes[0].config.deployment
        assert node.config.time.chain_start_time == network.chain_start
    assert network.chain_start.unix_seconds == START


def test_genesis_holds_the_notes_in_order_and_declares_every_node_twice(network: GeneratedTopology) -> None:
    validate_genesis(network.genesis_tx)
    values = [note.value for note in network.genesis_tx.mantle_tx.ledger_tx.outputs]
    assert values == [1000, 1, 1] * 4 + [100] * 10
    declared = [op for op in network.genesis_tx.mantle_tx.operations if isinstance(op, SDPDeclare)]
    assert [op.service_type for op in declared] == [ServiceType.DATA_AVAILABILITY] * 4 + [ServiceType.BLEND] * 4
    assert declared[0].locators == ("/ip4/127.0.0.1/udp/3001/quic-v1",)


def test_each_node_has_its_own_keys_and_knows_the_accounts(network: GeneratedTopology) -> None:
    accounts = {account.public_key for account in network.wallet_accounts}
    for node in network.nodes:
        config, identity = node.config, node.identity
        assert config.network.backend.swarm.node_key == config.da_backend.node_key == identity.id
        assert config.cryptarchia.leader.pk == identity.leader.public
        assert set(config.wallet.known_keys) == accounts | {identity.leader.public}
        assert config.key_management.keys[config.blend.core.zk.secret_key_kms_id] == identity.provider.secret
        assert config.key_management.keys[identity.node_key.public.hex()] == identity.id


def test_initial_peers_are_those_of_the_layout(network: GeneratedTopology) -> None:
    assert network.nodes[0].config.network.backend.initial_peers == ()
    assert network.nodes[3].config.network.backend.initial_peers == ("/ip4/127.0.0.1/udp/3000/quic-v1",)


def test_only_executors_ask_for_dispersal_peers(network: GeneratedTopology) -> None:
    asked = [node.config.da_backend.policy_settings.min_dispersal_peers for node in network.nodes]
    assert asked == [0, 0, 0, 1]


def test_three_nodes_are_configured_so_that_real_ones_can_sample(network: GeneratedTopology) -> None:
    delays = [2, 2.05, 2.1, 2.15]
    for node, delay in zip(network.nodes, delays, strict=True):
        config = node.config
        assert config.da_network.membership == DaMembership(subnetwork_size=2, replication_factor=4)
        assert config.da_backend.subnets_settings.num_of_subnets == 2
        assert config.da_sampling.sampling_settings.num_samples == 1
        assert config.da_sampling.sampling_settings.num_subnets == 2
        assert config.da_sampling.sdp_blob_trigger_sampling_delay.seconds == delay
        assert limits(config) == {1000}
        assert (config.da_network.subnet_threshold, config.da_network.min_session_members) == (1, 1)


def test_the_originals_parameters_can_be_asked_for() -> None:
    for node in generate(TopologySpec(validators=3, executors=1, data_availability="original")).nodes:
        config = node.config
        assert config.da_network.membership == DaMembership(subnetwork_size=4, replication_factor=2)
        assert config.da_backend.subnets_settings.num_of_subnets == 1
        assert config.da_sampling.sdp_blob_trigger_sampling_delay.seconds == 5
        assert limits(config) == {0}


def limits(config: NodeConfig) -> set[int]:
    policy = config.da_backend.policy_settings
    failures = {policy.max_dispersal_failures, policy.max_sampling_failures, policy.max_replication_failures}
    return failures | {policy.malicious_threshold}


def test_nodes_that_join_sample_as_the_others_and_after_them(network: GeneratedTopology) -> None:
    options = ConfigOptions(kzg_params=KZG)
    joining = [
        generate_joining_node(network, options, role=role, index=index, ports=ports(1)[0]).config
        for role, index in ((Role.VALIDATOR, 3), (Role.EXECUTOR, 2))
    ]
    for config, delay in zip(joining, [2.2, 2.25], strict=True):
        assert config.da_sampling.sdp_blob_trigger_sampling_delay.seconds == delay
        assert config.da_network.membership == network.nodes[0].config.da_network.membership
        assert limits(config) == {1000}


@pytest.mark.parametrize(
    ("factor", "samples", "expected"),
    [(2, 1, [1, 1, 1]), (2, 2, [2, 2, 2]), (1, 1, [0, 0, 1]), (1, 2, [0, 0, 1]), (1, 4, [0, 0, 2])],
)
def test_nodes_want_no_more_subnetworks_than_they_can_be_connected_in(
    factor: int, samples: int, expected: list[int]
) -> None:
    parameters = DataAvailability(dispersal_factor=factor, num_samples=samples, subnetwork_size=max(samples, 2))
    network = generate(TopologySpec(validators=2, executors=1, data_availability=parameters))
    assert [node.config.da_network.subnet_threshold for node in network.nodes] == expected
    assert {node.config.da_network.min_session_members for node in network.nodes} == {min(samples, 3)}


@pytest.mark.parametrize(("nodes", "minimum"), [(4, 30), (35, 36)])
def test_no_test_network_is_large_enough_for_blend(nodes: int, minimum: int) -> None:
    network = generate(TopologySpec(validators=nodes, seed=1))
    assert network.nodes[0].config.deployment.blend.common.minimum_network_size == minimum


def test_the_same_seed_gives_the_same_files(network: GeneratedTopology) -> None:
    again = generate(network.spec)
    assert [node.config_yaml() for node in again.nodes] == [node.config_yaml() for node in network.nodes]


def test_paths_are_relative_unless_directories_are_given() -> None:
    spec = TopologySpec(validators=1)
    assert generate(spec).nodes[0].config.storage.db_path == "./db"
    config = generate(spec, directories=[Path("/run/validator-0")]).nodes[0].config
    assert config.storage.db_path == "/run/validator-0/db"
    assert config.da_verifier.storage_adapter_settings.blob_storage_directory == "/run/validator-0"
    assert config.blend.recovery_path_prefix == "/run/validator-0/recovery/blend"


def tracing(logging: NodeLogging, **counts: int) -> list[Any]:
    network = generate(TopologySpec(**counts), ConfigOptions(kzg_params=KZG, logging=logging))  # type: ignore[arg-type]
    return [yaml_tracing(node.config) for node in network.nodes]


def yaml_tracing(config: NodeConfig) -> Any:
    root = parse_document(dump_config(config))
    assert root is not None
    return root.to_plain()["tracing"]


def test_logs_go_to_the_nodes_own_directory() -> None:
    assert tracing(NodeLogging(), validators=1) == [
        {
            "logger": {"File": {"directory": "./", "prefix": "__logs"}},
            "tracing": "None",
            "filter": "None",
            "metrics": "None",
            "console": "None",
            "level": "INFO",
        }
    ]


def test_a_log_directory_is_shared_by_all_nodes_under_their_own_names() -> None:
    logging = NodeLogging(directory=Path("/logs"), level="debug", filters={"consensus": "trace", "da": "debug"})
    written = tracing(logging, validators=2, executors=1)
    prefixes = [settings["logger"]["File"]["prefix"] for settings in written]
    assert prefixes == ["nomos-node-0", "nomos-node-1", "nomos-executor-0"]
    assert written[0]["filter"] == {"EnvFilter": {"filters": {"consensus": "trace", "da": "debug"}}}
    assert written[0]["level"] == "DEBUG"


def test_otlp_endpoints_are_passed_on() -> None:
    (settings,) = tracing(NodeLogging(otlp_traces="http://t:4317", otlp_metrics="http://m:4318"), validators=1)
    assert settings["tracing"] == {
        "Otlp": {"endpoint": "http://t:4317", "sample_ratio": 0.5, "service_name": "nomos-node-0"}
    }
    assert settings["metrics"] == {"Otlp": {"endpoint": "http://m:4318", "host_identifier": "nomos-node-0"}}


def test_fast_slots_shorten_what_waits_for_them_and_the_real_node_objects() -> None:
    config = generate(TopologySpec(executors=1, slot_duration=0.2)).nodes[0].config
    assert config.deployment.time.slot_duration.parts == (0, 200_000_000)
    assert config.da_verifier.mempool_trigger_settings.prune_duration.seconds == 3.0
    assert config.da_sampling.sdp_blob_trigger_sampling_delay.seconds == 0.2
    assert [line.partition(" is ")[0] for line in real_node_objections(config)] == [
        "deployment.time.slot_duration",
        "da_verifier.mempool_trigger_settings.prune_interval",
    ]


def test_the_real_node_takes_slots_of_whole_seconds(network: GeneratedTopology) -> None:
    for node in network.nodes:
        assert real_node_objections(node.config) == []


def test_options_are_passed_on() -> None:
    times = DataAvailabilityTimes(dispersal_timeout=40, retry_cooldown=6, share_duration=7, commitments_wait=2)
    options = ConfigOptions(kzg_params=KZG, da_times=times, offline_grace_period=60, use_autonat=True)
    plain = yaml_plain(generate(TopologySpec(executors=1), options).nodes[0].config_yaml())
    assert plain["da_dispersal"]["backend"]["dispersal_timeout"] == [40, 0]
    assert plain["cryptarchia"]["service"]["bootstrap"]["offline_grace_period"]["grace_period"] == [60, 0]
    assert plain["network"]["backend"]["swarm"]["nat_config"]["type"] == "traversal"
    assert plain["da_sampling"]["share_verifier_settings"] == {"global_params_path": str(KZG), "domain_size": 1}


def yaml_plain(text: str) -> Any:
    root = parse_document(text)
    assert root is not None
    return root.to_plain()


DURATIONS = [
    name
    for row in documented_variables()
    for name in row.names
    if name.endswith("_SECS") and not any(word in name for word in ("DEMO", "K8S"))
]


@pytest.mark.parametrize("variable", DURATIONS)
def test_nodes_take_every_duration_that_the_environment_may_have(variable: str) -> None:
    settings = Settings.from_environ({variable: "0"})
    spec = with_sampling_delay(TopologySpec(validators=1, executors=1), settings)
    for node in generate(spec, ConfigOptions.of(settings, kzg_params=KZG)).nodes:
        load_config(node.config_yaml(), source=node.name, kind=node.config.kind)
    assert settings.warnings == () or "above 0; using" in settings.warnings[0]


def test_the_files_are_plain_yaml_for_any_reader(network: GeneratedTopology) -> None:
    class AnyTag(yaml.SafeLoader):
        pass

    def content(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
        return loader.construct_yaml_map(node) if isinstance(node, yaml.MappingNode) else node.value

    AnyTag.add_multi_constructor("!", content)
    read = yaml.load(network.nodes[0].config_yaml(), Loader=AnyTag)
    assert set(read) == set(yaml_plain(network.nodes[0].config_yaml()))


def test_as_many_ports_as_nodes_are_needed() -> None:
    with pytest.raises(ValueError, match="argument"):
        generate_topology(
            TopologySpec(validators=2), ConfigOptions(kzg_params=KZG), ports=ports(1), prover=DevelopmentProver()
        )


def test_behind_a_relay_nodes_bind_their_own_address_and_know_only_the_relays() -> None:
    spec = TopologySpec(validators=2, executors=1, layout="full", seed=7)
    relayed = generate_topology(
        spec,
        ConfigOptions(kzg_params=KZG, use_autonat=True),
        ports=ports(3),
        prover=DevelopmentProver(),
        addresses=[NodeAddresses.behind_loopback_relay(host) for host in own_hosts(3)],
        chain_start=START,
    )
    assert relayed.genesis_tx == generate(spec).genesis_tx  # locators do not change
    for node, host in zip(relayed.nodes, own_hosts(3), strict=True):
        swarm = node.config.network.backend.swarm
        bound = [
            f"/ip4/{swarm.host}/udp/{swarm.port}/quic-v1",
            node.config.da_backend.listening_address,
            node.config.blend.core.backend.listening_address,
        ]
        assert bound == [f"/ip4/{host}/udp/{port}/quic-v1" for port in node.ports.peering]
        assert dump_config(node.config).count("/ip4/127.0.1.") == 2
        assert swarm.identify_config.hide_listen_addrs is True
        assert swarm.nat_config == StaticNat(external_address=f"/ip4/127.0.0.1/udp/{swarm.port}/quic-v1")
        assert load_config(node.config_yaml(), source="generated", kind=node.config.kind) == node.config
    dialled = relayed.nodes[2].config.network.backend.initial_peers
    assert dialled == ("/ip4/127.0.0.1/udp/3000/quic-v1", "/ip4/127.0.0.1/udp/3010/quic-v1")
