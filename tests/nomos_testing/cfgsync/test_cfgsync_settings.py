"""``cfgsync.yaml``: its keys and defaults, and what is said of mistakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.config import ConfigError, dump_document
from nomos_core.config.tracing import EnvFilter, FileLogger, OtlpMetrics, StandardStream
from nomos_testing.cfgsync.settings import CfgsyncConfig, RelaySection
from nomos_testing.configgen import ConfigOptions, NodeLogging
from nomos_testing.topology import DataAvailability, TopologySpec, WalletSpec
from nomos_testing.topology.wallets import wallet_accounts
from support.repository.repository_copy import REPOSITORY

TEMPLATE = REPOSITORY / "testing-framework/assets/stack/cfgsync.yaml"
ORIGINAL = """
port: 4400
n_hosts: 4
timeout: 10
security_param: 10
active_slot_coeff: 0.9
wallet:
  accounts: []
subnetwork_size: 2
dispersal_factor: 2
num_samples: 1
num_subnets: 2
old_blobs_check_interval: "5.0"
blobs_validity_duration: "60.0"
global_params_path: "/kzgrs_test_params/kzgrs_test_params"
min_dispersal_peers: 1
min_replication_peers: 1
monitor_failure_time_window: "5.0"
balancer_interval: "5.0"
replication_settings:
  seen_message_cache_size: 204800
  seen_message_ttl: "900.0"
retry_shares_limit: 5
retry_commitments_limit: 5
mempool_publish_strategy: !SampleSubnetworks {sample_threshold: 2, timeout: "2.0"}
tracing_settings:
  logger: !File {directory: /var/log/nomos, prefix: node}
  tracing: None
  filter: !EnvFilter {filters: {nomos: debug, cryptarchia: debug}}
  metrics: !Otlp {endpoint: "http://prometheus:9090/api/v1/otlp/v1/metrics", host_identifier: node}
  console: None
  level: INFO
"""
"""The original's template, as its facts describe it."""


def load(text: str) -> CfgsyncConfig:
    return CfgsyncConfig.load(text, source="cfgsync.yaml")


def test_the_template_of_the_stack_shows_the_defaults() -> None:
    assert load(TEMPLATE.read_text()) == CfgsyncConfig() == load("")


def test_the_template_names_every_key() -> None:
    keys = {line.split(":")[0] for line in TEMPLATE.read_text().splitlines() if line[:1].isalpha()}
    assert keys | {"mempool_publish_strategy"} == set(CfgsyncConfig.__dataclass_fields__)


def test_the_originals_file_is_taken() -> None:
    config = load(ORIGINAL)
    tracing = config.tracing_settings
    assert tracing.logger == FileLogger(directory="/var/log/nomos", prefix="node")
    assert tracing.filter == EnvFilter(filters={"nomos": "debug", "cryptarchia": "debug"})
    assert isinstance(tracing.metrics, OtlpMetrics)
    assert replace(config, tracing_settings=CfgsyncConfig().tracing_settings) == CfgsyncConfig()


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("port: 4400\nn_host: 2\n", 2, "", 'Unrecognized fields in config: ["n_host"]'),
        ("relay: {host: 10.0.0.1, port: 3}\n", 1, "", 'Unrecognized fields in config: ["relay.port"]'),
        ("n_hosts: 0\n", 1, "n_hosts", "expected a nonzero usize"),
        ("port: 70000\n", 1, "port", "expected u16"),
        ("timeout: soon\n", 1, "timeout", 'invalid type: string "soon", expected u64'),
        ("\n\nbalancer_interval: fast\n", 3, "balancer_interval", "expected seconds"),
        ('slot_duration: "-1"\n', 1, "slot_duration", "expected seconds"),
        ('slot_duration: "nan"\n', 1, "slot_duration", "expected seconds"),
        ('slot_duration: "0"\n', 1, "slot_duration", "above 0"),
        (
            'da_times: {dispersal_timeout: "1", retry_cooldown: "1", share_duration: "0", prune_duration: "1", '
            'prune_interval: "0", commitments_wait: "0"}\n',
            1,
            "da_times",
            "share_duration, prune_interval must be above 0 seconds",
        ),
        ("port: 1\nactive_slot_coeff: 1.5\n", 2, "active_slot_coeff", "not above 0 and at most 1"),
        ("layout: ring\n", 1, "layout", "unknown variant `ring`, expected one of `star`, `chain`, `full`"),
        ("prover: magic\n", 1, "prover", "unknown variant `magic`, expected `development` or `groth16`"),
        ("relay: {host: relay}\n", 1, "relay.host", "invalid IPv4 address syntax"),
        ("ids: [[1, 2]]\n", 1, "ids[0]", "expected an array of 32 bytes"),
        (f"ids: [{[256] * 32}]\n", 1, "ids[0]", "expected an array of 32 bytes"),
        (
            "wallet:\n  accounts:\n    - {label: a, secret_key: zz, value: 1}\n",
            3,
            "wallet.accounts[0].secret_key",
            "Invalid character",
        ),
        ("wallet: {accounts: [{label: a, value: 1}]}\n", 1, "wallet.accounts[0].secret_key", "missing field"),
        ("tracing_settings: {logger: !Fil {}}\n", 1, "tracing_settings.logger", "unknown variant `Fil`"),
        ("port: 1\ntimeout: 3]\n", 2, "timeout", "line 2"),
        ("n_hosts: 1\n", None, "dispersal_factor", "2 replicas need as many hosts, there are 1"),
        (f"n_hosts: 2\nids: {[[1] * 32] * 2}\n", 2, "ids", "ids must differ"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_field(text: str, line: int | None, field: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(text)
    assert message in str(refused.value)
    assert (refused.value.source, refused.value.line, refused.value.field) == ("cfgsync.yaml", line, field)
    assert refused.value.advice


@pytest.mark.parametrize(
    ("key", "values", "label"),
    [("ids", [[1] * 32], "id"), ("da_ports", [1, 2, 3], "da port"), ("blend_ports", [], "blend port")],
)
def test_lists_have_an_entry_for_each_host(key: str, values: list[object], label: str) -> None:
    with pytest.raises(ConfigError, match=f"{label} count {len(values)} does not match participants 2") as refused:
        load(f"n_hosts: 2\n{key}: {values}\n")
    assert (refused.value.line, refused.value.field) == (2, key)


def test_the_file_for_a_scenarios_network_says_all_of_it() -> None:
    spec = TopologySpec(
        validators=2,
        executors=1,
        layout="chain",
        wallet=WalletSpec(total=301, users=3),
        slot_duration=0.2,
        active_slot_coeff=0.5,
        security_param=7,
        data_availability=DataAvailability(subnetwork_size=5, num_subnets=5, dispersal_factor=3, balancer_interval=0.5),
        blend_ports=(1, 2, 3),
    )
    options = ConfigOptions(
        kzg_params=Path("/params"), logging=NodeLogging(level="debug", filters={"a": "trace"}, otlp_metrics="http://m")
    )
    config = CfgsyncConfig.for_network(spec, options, port=4500, timeout=90, relay=RelaySection(host="10.0.0.9"))
    read = load(dump_document(config))
    assert read == config
    assert read.data_availability == replace(spec.da, max_failures=0, malicious_threshold=0)
    assert read.da_limits == options.da_limits
    assert read.accounts == wallet_accounts(spec.wallet)
    assert (read.n_hosts, read.port, read.timeout, read.layout) == (3, 4500, 90, "chain")
    assert (read.slot_duration, read.active_slot_coeff, read.security_param) == (0.2, 0.5, 7)
    assert (read.global_params_path, read.blend_ports, read.da_ports) == ("/params", (1, 2, 3), None)
    assert read.ids is not None
    assert len(set(read.ids)) == 3
    assert read.tracing_settings.level == "DEBUG"
    assert read.tracing_settings.logger is StandardStream.STDOUT


@pytest.mark.parametrize("parameters", ["standard", "original"])
def test_the_file_says_the_parameters_of_data_availability(parameters: str) -> None:
    spec = TopologySpec(validators=4, executors=1, data_availability=parameters, sampling_delay=3.5)
    written = CfgsyncConfig.for_network(spec, ConfigOptions(kzg_params=Path("/params")))
    limits = {} if parameters == "standard" else {"max_failures": 0, "malicious_threshold": 0}
    assert load(dump_document(written)).data_availability == replace(spec.da, **limits)


def test_a_seed_fixes_the_identities_in_the_file() -> None:
    spec = TopologySpec(validators=2, seed=7)
    options = ConfigOptions(kzg_params=Path("/params"))
    assert CfgsyncConfig.for_network(spec, options) == CfgsyncConfig.for_network(spec, options)


texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
ports = st.integers(1, 65_535)


@st.composite
def configs(draw: st.DrawFn) -> CfgsyncConfig:
    hosts = draw(st.integers(2, 4))
    per_host = st.lists(ports, min_size=hosts, max_size=hosts).map(tuple)
    ids = st.lists(st.binary(min_size=32, max_size=32), min_size=hosts, max_size=hosts, unique=True).map(tuple)
    return CfgsyncConfig(
        port=draw(ports),
        n_hosts=hosts,
        ids=draw(st.none() | ids),
        da_ports=draw(st.none() | per_host),
        slot_duration=draw(st.floats(0.001, 1e6)),
        balancer_interval=draw(st.floats(0, 1e9)),
        global_params_path=draw(texts),
        prover=draw(st.sampled_from([None, "development", "groth16"])),
        relay=draw(st.none() | st.ip_addresses(v=4).map(lambda host: RelaySection(host=str(host)))),
    )


@given(configs())
def test_what_is_written_is_read_back(config: CfgsyncConfig) -> None:
    assert load(dump_document(config)) == config
