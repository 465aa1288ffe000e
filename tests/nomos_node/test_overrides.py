"""Flags and environment variables, and what is wrong with them."""

from __future__ import annotations

import pytest

from nomos_core.config import SocketAddress, ValidatorConfig, load_config
from nomos_core.config.tracing import FileLogger, GelfLogger, StandardStream
from nomos_core.keys import zk_public_key
from nomos_node.command_line import command
from nomos_node.overrides import OverrideError, Overrides, apply_overrides
from support.inputs.golden import golden_path

_KEY = "0102030405060708090a0b0c0d0e0f10"


@pytest.fixture(scope="module")
def config() -> ValidatorConfig:
    return load_config(golden_path("validator.yaml").read_text(), source="validator.yaml", kind="validator")


def test_nothing_given_changes_nothing(config: ValidatorConfig) -> None:
    assert apply_overrides(config, Overrides()) == config


def test_network_and_http_settings(config: ValidatorConfig) -> None:
    overrides = Overrides(
        net_host="127.0.0.9",
        net_port="4321",
        net_node_key="ab" * 32,
        net_initial_peers="/ip4/127.0.0.1/udp/1/quic-v1, /ip4/127.0.0.1/udp/2/quic-v1",
        blend_addr="/ip4/127.0.0.1/udp/3/quic-v1",
        http_host=SocketAddress("127.0.0.1", 99),
        http_cors_origin="https://one.example,https://two.example",
    )
    changed = apply_overrides(config, overrides)
    swarm = changed.network.backend.swarm
    assert (swarm.host, swarm.port, swarm.node_key) == ("127.0.0.9", 4321, bytes.fromhex("ab" * 32))
    assert changed.network.backend.initial_peers == ("/ip4/127.0.0.1/udp/1/quic-v1", "/ip4/127.0.0.1/udp/2/quic-v1")
    assert changed.blend.core.backend.listening_address == "/ip4/127.0.0.1/udp/3/quic-v1"
    assert changed.http.backend_settings.address == ("127.0.0.1", 99)
    assert changed.http.backend_settings.cors_origins == ("https://one.example", "https://two.example")


def test_the_leader_key_is_sixteen_bytes_little_endian(config: ValidatorConfig) -> None:
    changed = apply_overrides(config, Overrides(consensus_utxo_sk=_KEY, consensus_chain_start=1_800_000_000))
    leader = changed.cryptarchia.leader
    assert leader.sk == int.from_bytes(bytes.fromhex(_KEY), "little")
    assert leader.pk == zk_public_key(leader.sk)
    assert changed.time.chain_start_time.unix_nanoseconds == 1_800_000_000 * 10**9


@pytest.mark.parametrize(
    ("overrides", "logger"),
    [
        (Overrides(log_backend="stdout"), StandardStream.STDOUT),
        (Overrides(log_backend="stderr"), StandardStream.STDERR),
        (Overrides(log_backend="file", log_dir="d", log_path="p"), FileLogger(directory="d", prefix="p")),
        (
            Overrides(log_backend="gelf", log_addr="127.0.0.1:12201"),
            GelfLogger(addr=SocketAddress("127.0.0.1", 12201)),
        ),
    ],
)
def test_log_backends(config: ValidatorConfig, overrides: Overrides, logger: object) -> None:
    assert apply_overrides(config, overrides).tracing.logger == logger


def test_the_log_level_in_any_case(config: ValidatorConfig) -> None:
    assert apply_overrides(config, Overrides(log_level="warn")).tracing.level == "WARN"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (Overrides(log_level="TRACE"), "--log-level TRACE: expected one of DEBUG, INFO, WARN, ERROR"),
        (Overrides(log_backend="file", log_dir="d"), "--log-backend file: also give --log-dir and --log-path"),
        (Overrides(log_backend="gelf"), "--log-backend gelf: also give --log-addr"),
        (Overrides(log_backend="gelf", log_addr="x"), "--log-addr x: invalid socket address syntax"),
        (Overrides(net_host="::1"), "--net-host ::1: expected an IPv4 address"),
        (Overrides(net_port="99999"), "--net-port 99999: expected a UDP port from 0 to 65535"),
        (Overrides(net_port="-1"), "--net-port -1: expected a UDP port"),
        (Overrides(net_node_key="ab"), "--net-node-key ab: expected 64 hex digits"),
        (Overrides(net_initial_peers="/nope"), "--net-initial-peers /nope:"),
        (Overrides(consensus_utxo_sk="zz"), "--consensus-utxo-sk zz: expected 32 hex digits"),
    ],
)
def test_what_is_wrong_names_the_flag_and_what_was_expected(
    config: ValidatorConfig, overrides: Overrides, message: str
) -> None:
    with pytest.raises(OverrideError) as caught:
        apply_overrides(config, overrides)
    assert str(caught.value).startswith(message)


def test_variables_stand_for_flags_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def run(**parameters: object) -> int:
        seen.update(parameters)
        return 0

    monkeypatch.setenv("NET_PORT", "1")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("HTTP_HOST", "127.0.0.1:2")
    monkeypatch.setenv("LOG_DIR", "")
    command("nomos-node", run).main(["--net-port", "3", "a.yaml"], standalone_mode=False)
    assert (seen["net_port"], seen["log_level"], seen["http_host"]) == ("3", "DEBUG", ("127.0.0.1", 2))
    assert seen["log_dir"] is None, "an empty variable is none"
