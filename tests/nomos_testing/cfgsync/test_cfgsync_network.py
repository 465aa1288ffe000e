"""From announced hosts to configurations: order, counts, addresses, and the same network for whoever makes it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.config import dump_config, load_config, load_config_json, refuse_unknown_keys
from nomos_core.config.tracing import FileLogger, OtlpMetrics
from nomos_core.mantle.operations import SDPDeclare, ServiceType
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.cfgsync.network import CfgsyncInputError, configuration_json, in_order, network_of, prover_of
from nomos_testing.cfgsync.registration import Registration, RegistrationError
from nomos_testing.cfgsync.settings import AccountEntry, CfgsyncConfig, RelaySection, WalletSection
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import ConfigOptions, generate_joining_node, generate_topology
from nomos_testing.deployers.shared.container_configuration import config_options
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedTopology, TopologySpec
from support.inputs.golden import golden_path

START = 1_765_555_200.25
CONFIG = CfgsyncConfig(
    n_hosts=3,
    ids=(bytes([1] * 32), bytes([2] * 32), bytes([3] * 32)),
    wallet=WalletSection(accounts=(AccountEntry(label="rich", secret_key=5, value=1000),)),
    prover="development",
)
HOSTS = (
    Registration(role=Role.VALIDATOR, ip="172.18.0.5", identifier="validator-0"),
    Registration(role=Role.VALIDATOR, ip="172.18.0.4", identifier="validator-1", network_port=3001, da_port=3301),
    Registration(role=Role.EXECUTOR, ip="172.18.0.3", identifier="executor-0", api_port=8080, testing_http_port=8081),
)


def make(config: CfgsyncConfig = CONFIG, hosts: Sequence[Registration] = HOSTS) -> GeneratedTopology:
    return network_of(config, hosts, prover=DevelopmentProver(), chain_start=START)


@pytest.fixture(scope="module")
def network() -> GeneratedTopology:
    return make()


# Order and counts

identifiers = st.one_of(
    st.builds("{}-{}".format, st.sampled_from(["validator", "node", "a-b"]), st.integers(0, 10**6)),
    st.sampled_from(["unidentified-node", "", "-", "x-1-"]),
)
registrations = st.builds(
    Registration, role=st.sampled_from(Role), ip=st.ip_addresses(v=4).map(str), identifier=identifiers
)


@given(st.lists(registrations, unique=True).flatmap(lambda hosts: st.tuples(st.just(hosts), st.permutations(hosts))))
def test_the_order_is_by_kind_and_number_however_they_came(
    orders: tuple[list[Registration], list[Registration]],
) -> None:
    came, shuffled = orders
    ordered = in_order(came)
    assert ordered == in_order(shuffled)
    assert [host.role for host in ordered] == sorted((host.role for host in came), key=lambda r: r is Role.EXECUTOR)
    for role in Role:
        numbers = [
            int(text) for host in ordered if host.role is role and (text := host.identifier.split("-")[-1]).isdigit()
        ]
        assert numbers == sorted(numbers)


def test_numbers_count_as_numbers() -> None:
    hosts = [replace(HOSTS[0], identifier=f"validator-{number}") for number in (10, 9, 100)]
    assert [host.identifier for host in in_order(hosts)] == ["validator-9", "validator-10", "validator-100"]


@pytest.mark.parametrize(
    ("config", "label", "count"),
    [
        (replace(CONFIG, n_hosts=4, ids=None), "host", 3),
        (replace(CONFIG, ids=CONFIG.ids[:2]), "id", 2),  # type: ignore[index]
        (replace(CONFIG, da_ports=(1,)), "da port", 1),
        (replace(CONFIG, blend_ports=(1, 2)), "blend port", 2),
    ],
)
def test_counts_that_do_not_match(config: CfgsyncConfig, label: str, count: int) -> None:
    with pytest.raises(
        CfgsyncInputError, match=f"^{label} count {count} does not match participants {config.n_hosts}$"
    ):
        make(config)


# What a registration may be


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ip": "fe80::1"}, "ip: expected an IPv4 address, got 'fe80::1'"),
        ({"ip": None}, "ip: expected an IPv4 address, got None"),
        ({"identifier": ""}, "identifier: expected a name like validator-0, got ''"),
        ({"identifier": 3}, "identifier: expected a name like validator-0, got 3"),
        ({"network_port": 0}, "network_port: expected a port from 1 to 65535 or null, got 0"),
        ({"api_port": "18080"}, "api_port: expected a port from 1 to 65535 or null, got '18080'"),
        ({"da_port": True}, "da_port: expected a port from 1 to 65535 or null, got True"),
        ({"blend_port": 65_536}, "blend_port: expected a port from 1 to 65535 or null, got 65536"),
    ],
)
def test_a_bad_registration_is_named_by_its_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistrationError) as refused:
        Registration.from_json(HOSTS[0].to_json() | change, Role.VALIDATOR)
    assert str(refused.value) == message


def test_a_registration_that_is_no_object() -> None:
    with pytest.raises(RegistrationError, match="expected a JSON object, got list"):
        Registration.from_json([], Role.VALIDATOR)


@given(registrations)
def test_a_registration_is_read_as_it_was_sent(host: Registration) -> None:
    sent = json.loads(json.dumps(host.to_json()))
    if host.identifier:
        assert Registration.from_json(sent, host.role) == host


def test_ports_that_were_not_named_are_the_files_or_the_defaults() -> None:
    host = Registration(role=Role.VALIDATOR, ip="10.0.0.1", identifier="v", da_port=7)
    given_ports = host.ports(da=8, blend=9)
    assert given_ports.all == (3000, 7, 9, 18_080, 18_081)
    assert Registration(role=Role.VALIDATOR, ip="10.0.0.1", identifier="v").ports(da=None, blend=None).all == (
        *(3000, 3300, 3400),
        *(18_080, 18_081),
    )


# The configurations


def test_nodes_get_the_identities_of_their_place(network: GeneratedTopology) -> None:
    assert [node.identity.id for node in network.nodes] == list(CONFIG.ids or ())
    assert [node.name for node in network.nodes] == ["validator-0", "validator-1", "executor-0"]
    assert make(hosts=HOSTS[::-1]).nodes == network.nodes


def test_a_container_listens_everywhere_and_is_known_by_its_address(network: GeneratedTopology) -> None:
    config = network.nodes[1].config
    swarm = config.network.backend.swarm
    hub = network.nodes[0].identity.peer_id
    assert (swarm.host, swarm.port) == ("0.0.0.0", 3001)
    assert swarm.nat_config.external_address == "/ip4/172.18.0.4/udp/3001/quic-v1"  # type: ignore[union-attr]
    assert config.network.backend.initial_peers == (f"/ip4/172.18.0.5/udp/3000/quic-v1/p2p/{hub}",)
    assert config.da_backend.listening_address == "/ip4/0.0.0.0/udp/3301/quic-v1"
    assert config.blend.core.backend.listening_address == "/ip4/0.0.0.0/udp/3400/quic-v1"
    assert str(config.http.backend_settings.address) == "0.0.0.0:18080"
    assert str(network.nodes[2].config.testing_http.backend_settings.address) == "0.0.0.0:8081"


def test_genesis_declares_the_addresses_of_the_containers(network: GeneratedTopology) -> None:
    assert locators(network, ServiceType.DATA_AVAILABILITY) == [
        "/ip4/172.18.0.5/udp/3300/quic-v1",
        "/ip4/172.18.0.4/udp/3301/quic-v1",
        "/ip4/172.18.0.3/udp/3300/quic-v1",
    ]
    assert len(locators(network, ServiceType.BLEND)) == 3
    assert [note.value for note in network.genesis_tx.mantle_tx.ledger_tx.outputs] == [1000, 1, 1] * 3 + [1000]


def locators(network: GeneratedTopology, service: ServiceType) -> list[str]:
    declarations = (op for op in network.genesis_tx.mantle_tx.operations if isinstance(op, SDPDeclare))
    return [locator for op in declarations if op.service_type is service for locator in op.locators]


def test_behind_a_relay_nodes_know_only_its_address() -> None:
    hosts = [replace(host, network_port=3000 + index, da_port=3300 + index) for index, host in enumerate(HOSTS)]
    network = make(replace(CONFIG, relay=RelaySection(host="172.18.0.99"), layout="full"), hosts)
    for node in network.nodes:
        text = dump_config(node.config)
        assert "172.18.0.5" not in text
        assert node.config.network.backend.swarm.host == "0.0.0.0"
        assert node.config.network.backend.swarm.identify_config.hide_listen_addrs is True
        assert node.config.da_backend.listening_address.startswith("/ip4/0.0.0.0/")
    first, second, _ = network.nodes
    assert network.nodes[2].config.network.backend.initial_peers == (
        f"/ip4/172.18.0.99/udp/3000/quic-v1/p2p/{first.identity.peer_id}",
        f"/ip4/172.18.0.99/udp/3001/quic-v1/p2p/{second.identity.peer_id}",
    )
    assert locators(network, ServiceType.DATA_AVAILABILITY)[2] == "/ip4/172.18.0.99/udp/3302/quic-v1"
    moved = [replace(host, ip="10.9.9.9") for host in hosts]
    assert make(replace(CONFIG, relay=RelaySection(host="172.18.0.99"), layout="full"), moved) == network


def test_the_policies_are_the_servers(network: GeneratedTopology) -> None:
    validator, executor = network.nodes[0].config.da_backend, network.nodes[2].config.da_backend
    assert (validator.policy_settings.min_dispersal_peers, executor.policy_settings.min_dispersal_peers) == (0, 1)
    policy = executor.policy_settings
    assert (policy.max_dispersal_failures, policy.max_sampling_failures, policy.max_replication_failures) == (3, 3, 3)
    assert (policy.malicious_threshold, executor.replication_settings.seen_message_cache_size) == (10, 204_800)
    assert executor.subnets_settings.shares_retry_limit == 5
    assert network.nodes[0].config.da_network.min_session_members == 1


@pytest.mark.parametrize("parameters", ["standard", "original"])
def test_containers_sample_as_nodes_on_the_host(parameters: str) -> None:
    spec = TopologySpec(validators=2, executors=1, slot_duration=0.5, seed=7, data_availability=parameters)
    options = ConfigOptions(kzg_params=Path("/params"))
    settings = Settings()
    ports = [host.ports(da=None, blend=None) for host in HOSTS]
    on_the_host = generate_topology(spec, options, ports=ports, prover=DevelopmentProver(), chain_start=START)
    in_containers = network_of(
        CfgsyncConfig.for_network(spec, options),
        HOSTS,
        prover=DevelopmentProver(),
        chain_start=START,
        settings=settings,
    )
    for ours, theirs in zip(on_the_host.nodes, in_containers.nodes, strict=True):
        assert theirs.config.da_network.membership == ours.config.da_network.membership
        assert theirs.config.da_sampling == ours.config.da_sampling
        sampled = [each.config.da_backend.subnets_settings.num_of_subnets for each in (ours, theirs)]
        assert sampled == [2, 2] if parameters == "standard" else [1, 1]
        threshold = theirs.config.da_backend.policy_settings.malicious_threshold
        assert threshold == ours.config.da_backend.policy_settings.malicious_threshold
        assert threshold == (1000 if parameters == "standard" else 0)


@pytest.mark.parametrize("parameters", ["standard", "original"])
def test_a_container_that_joins_samples_as_the_others(parameters: str) -> None:
    """Deployers configure it; the others were configured by the server."""
    spec = TopologySpec(validators=2, executors=1, seed=7, data_availability=parameters)
    settings = Settings(share_duration_seconds=9)
    options = config_options(settings, kzg_params="/params", metrics=None)
    network = network_of(
        CfgsyncConfig.for_network(spec, options),
        HOSTS,
        prover=DevelopmentProver(),
        chain_start=START,
        settings=settings,
    )
    ports = HOSTS[0].ports(da=None, blend=None)
    joining = generate_joining_node(network, options, role=Role.VALIDATOR, index=2, ports=ports).config
    present = network.nodes[0].config
    assert joining.da_backend.policy_settings == present.da_backend.policy_settings
    assert joining.da_backend.subnets_settings == present.da_backend.subnets_settings
    assert joining.da_backend.replication_settings == present.da_backend.replication_settings
    assert joining.da_network.membership == present.da_network.membership
    assert joining.da_verifier.mempool_trigger_settings == present.da_verifier.mempool_trigger_settings
    assert joining.da_sampling.sampling_settings == present.da_sampling.sampling_settings


@pytest.mark.parametrize(
    ("in_the_file", "in_the_environment", "expected"), [(None, None, 5), (None, 9, 9), (3.0, 9, 3), (3.0, None, 3)]
)
def test_the_environment_decides_about_a_sampling_delay_that_the_file_leaves_open(
    in_the_file: float | None, in_the_environment: int | None, expected: float
) -> None:
    config, settings = replace(CONFIG, sampling_delay=in_the_file), Settings(sampling_delay_seconds=in_the_environment)
    network = network_of(config, HOSTS, prover=DevelopmentProver(), chain_start=START, settings=settings)
    assert {node.config.da_sampling.sdp_blob_trigger_sampling_delay.seconds for node in network.nodes} == {expected}


def test_nodes_know_the_wallets_but_not_their_secrets(network: GeneratedTopology) -> None:
    (account,) = network.wallet_accounts
    for node in network.nodes:
        assert account.public_key in node.config.wallet.known_keys
        assert account.secret_key not in node.config.key_management.keys.values()


def test_logs_and_metrics_name_the_host() -> None:
    tracing = replace(
        CONFIG.tracing_settings,
        logger=FileLogger(directory="/logs"),
        metrics=OtlpMetrics(endpoint="http://prometheus:9090", host_identifier="anybody"),
    )
    network = make(replace(CONFIG, tracing_settings=tracing))
    assert [node.config.tracing.logger for node in network.nodes] == [
        FileLogger(directory="/logs", prefix=prefix) for prefix in ("nomos-node-0", "nomos-node-1", "nomos-executor-0")
    ]
    assert [node.config.tracing.metrics.host_identifier for node in network.nodes if node.config.tracing.metrics] == [
        host.identifier for host in HOSTS
    ]


def test_a_second_maker_gets_the_same_network(network: GeneratedTopology) -> None:
    assert make() == network


# On the wire


@pytest.mark.parametrize("index", [0, 2])
def test_the_answer_becomes_a_file_that_nodes_take(network: GeneratedTopology, index: int) -> None:
    node = network.nodes[index]
    body = json.dumps(configuration_json(network, node))
    received = load_config_json(body, source="answer", kind=node.config.kind)
    assert [key.path for key in received.unknown_keys] == ["da_network.membership.assignations"]
    saved = load_config(dump_config(received), source="config.yaml", kind=node.config.kind)
    refuse_unknown_keys(saved, source="config.yaml")
    assert saved == node.config


def test_the_answer_tells_the_members_of_each_subnetwork(network: GeneratedTopology) -> None:
    body = configuration_json(network, network.nodes[0])
    assignations = body["da_network"]["membership"]["assignations"]
    peers = {node.identity.peer_id for node in network.nodes}
    assert list(assignations) == ["0", "1"]
    assert set().union(*assignations.values()) == peers
    assert all(len(members) >= 2 for members in assignations.values())
    assert body["cryptarchia"]["service"]["starting_state"]["Genesis"]["genesis_tx"]["mantle_tx"]["ops"]
    assert body["cryptarchia"]["network"]["bootstrap"]["ibd"]["peers"] == []
    assert body["http"]["backend_settings"]["address"] == "0.0.0.0:18080"


@pytest.mark.parametrize("name", ["validator", "executor"])
def test_real_nodes_configurations_survive_json(name: str) -> None:
    from nomos_core.config import config_to_json

    config = load_config(golden_path(f"{name}.yaml").read_text(), source=name, kind=name)  # type: ignore[call-overload]
    text = json.dumps(config_to_json(config))
    assert load_config_json(text, source=name, kind=name) == config  # type: ignore[arg-type]


def test_enums_in_json_that_are_none() -> None:
    from nomos_core.config import ConfigError

    text = golden_json()
    for damaged in (text | {"tracing": text["tracing"] | {"logger": {}}}, text | {"tracing": {"logger": {"Fil": 1}}}):
        with pytest.raises(ConfigError, match="tracing"):
            load_config_json(json.dumps(damaged), source="answer", kind="validator")


def golden_json() -> dict[str, Any]:
    from nomos_core.config import config_to_json

    return config_to_json(load_config(golden_path("validator.yaml").read_text(), source="golden", kind="validator"))


def test_the_prover_is_the_files_or_the_environments() -> None:
    assert isinstance(prover_of(CONFIG, {}), DevelopmentProver)
    assert isinstance(prover_of(replace(CONFIG, prover=None), {"NOMOS_PROVER": "development"}), DevelopmentProver)
