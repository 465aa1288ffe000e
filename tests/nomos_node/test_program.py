"""``nomos-node`` as a process: how it ends, and what it says when it can't start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nomos_core.config import Genesis, ValidatorConfig, load_config, with_setting
from nomos_core.config.tracing import EnvFilter, FileLogger, LokiLogger
from nomos_node.program import process_title
from nomos_testing.surroundings import measured_machine_factor
from support.inputs.golden import golden_path
from support.processes.embedded_node import ENVIRONMENT, NodeProcess, leader_genesis, make_config

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture
def config() -> ValidatorConfig:
    return make_config(leader_genesis())


def _refused(config: ValidatorConfig, directory: Path, **environment: str) -> str:
    """What a node that can't start prints; its exit code is 1."""
    with NodeProcess(config, directory, environment={**ENVIRONMENT, **environment}).start() as node:
        assert node.wait_end() == 1
        return node.output


def _longest_end() -> float:
    """Return the seconds in which a node must end: one on an idle machine, more on a slow or busy one."""
    return measured_machine_factor()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_node_cleanly_within_a_second(
    config: ValidatorConfig, tmp_path: Path, number: signal.Signals
) -> None:
    with NodeProcess(config, tmp_path).start() as node:
        node.wait_height(1)
        status, seconds = node.terminate(number)
        assert status == 0
        assert seconds < _longest_end()
        assert f"received {number.name}, ending" in node.log
        assert "\x1b" not in node.log
        assert "Traceback" not in node.output


def test_a_signal_during_the_start_ends_it_too(config: ValidatorConfig, tmp_path: Path) -> None:
    with NodeProcess(config, tmp_path).start() as node:
        status, seconds = node.terminate()
        assert status in {0, -signal.SIGTERM}
        assert seconds < 2 * _longest_end()


def test_an_open_stream_does_not_keep_the_node(config: ValidatorConfig, tmp_path: Path) -> None:
    with NodeProcess(config, tmp_path).start() as node:
        node.wait_ready()
        with socket.create_connection(node.config.http.backend_settings.address) as connection:
            connection.sendall(b"GET /cryptarchia/lib-stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
            assert node.terminate()[1] < _longest_end()


def test_the_log_tells_what_is_worth_watching(config: ValidatorConfig, tmp_path: Path) -> None:
    with NodeProcess(config, tmp_path).start() as node:
        node.wait_height(2)
        log = node.log
    for line in (
        "libp2p peer_id:12D3Koo",
        "Service 'Cryptarchia' is ready.",
        "Service 'Http' is ready.",
        "chain_leader: Received SlotTick for slot ",
        "proposed block with id ",
        "Initial Block Download completed successfully.",
        "Prolonged Bootstrap Period has passed. Switching to Online.",
        "Proofs are being generated in dev mode. This should never be used in production.",
    ):
        assert line in log, line


@pytest.mark.parametrize("setting", ["http", "testing_http"])
def test_a_http_port_in_use_is_named(config: ValidatorConfig, tmp_path: Path, setting: str) -> None:
    path = f"{setting}.backend_settings.address"
    address = getattr(config, setting).backend_settings.address
    with socket.create_server(address):
        output = _refused(config, tmp_path)
    expected = f"Error: {path}: failed to bind to address {address}: port in use\n"
    assert output.endswith(expected)


def test_a_network_port_in_use_is_named(config: ValidatorConfig, tmp_path: Path) -> None:
    port = config.network.backend.swarm.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        assert str(port) in _refused(config, tmp_path)


def test_an_unwritable_log_directory_is_named(config: ValidatorConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    logger = FileLogger(directory=str(tmp_path / "file" / "logs"), prefix="node")
    output = _refused(with_setting(config, "tracing.logger", logger), tmp_path)
    assert f"Error: tracing.logger: can't write log files in {tmp_path}/file/logs: Not a directory" in output


def test_a_log_destination_it_does_not_have_is_refused(config: ValidatorConfig, tmp_path: Path) -> None:
    loki = LokiLogger(endpoint="http://127.0.0.1:3100", host_identifier="node")
    assert "this node can't push to Loki" in _refused(with_setting(config, "tracing.logger", loki), tmp_path)


def test_an_unusable_database_directory_is_named(config: ValidatorConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = _refused(with_setting(config, "storage.db_path", str(tmp_path / "file" / "db")), tmp_path)
    assert f"Error: storage.db_path: can't open {tmp_path}/file/db/nomos.sqlite3: Not a directory" in output


def test_two_nodes_do_not_share_a_database(config: ValidatorConfig, tmp_path: Path) -> None:
    shared = with_setting(config, "storage.db_path", str(tmp_path / "db"))
    other = with_setting(make_config(leader_genesis()), "storage.db_path", str(tmp_path / "db"))
    with NodeProcess(shared, tmp_path / "one").start() as node:
        node.wait_ready()
        assert "another process holds it" in _refused(other, tmp_path / "two")


def test_a_genesis_of_another_prover_is_refused_at_once(config: ValidatorConfig, tmp_path: Path) -> None:
    real = load_config(golden_path("validator.yaml").read_text(), source="golden", kind="validator")
    genesis = real.cryptarchia.service.starting_state
    assert isinstance(genesis, Genesis)
    began = time.monotonic()
    output = _refused(with_setting(config, "cryptarchia.service.starting_state", genesis), tmp_path)
    assert "the genesis was made by another prover, this node uses the development prover" in output
    assert time.monotonic() - began < 5


def test_development_proofs_must_be_allowed(config: ValidatorConfig, tmp_path: Path) -> None:
    output = _refused(config, tmp_path, POL_PROOF_DEV_MODE="false", NOMOS_PROVER="", NOMOS_CIRCUITS=str(tmp_path))
    assert "POL_PROOF_DEV_MODE" in output
    assert str(tmp_path) in output, "the missing circuits are named"


def test_unknown_keys_are_only_warned_about(config: ValidatorConfig, tmp_path: Path) -> None:
    with NodeProcess(config, tmp_path, more_yaml="foreign: {key: 1}\n").start() as node:
        node.wait_ready()
        assert "Unrecognized field in config: foreign" in node.log


def test_unknown_keys_are_refused_by_a_check(config: ValidatorConfig, tmp_path: Path) -> None:
    arguments, more = ["--check-config"], "foreign: {key: 1}\n"
    with NodeProcess(config, tmp_path, arguments, more_yaml=more).start() as node:
        assert node.wait_end() == 1
        assert 'Error: Unrecognized fields in config: ["foreign"]' in node.output


def test_help_is_quick() -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "nomos_node.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "CONFIG.yaml" in done.stdout
    assert time.monotonic() - began < 2


def test_a_filter_with_a_level_that_does_not_exist_is_a_warning(config: ValidatorConfig, tmp_path: Path) -> None:
    filters = EnvFilter(filters={"nomos_consensus": "loud", "nomos_mempool": "debug"})
    with NodeProcess(with_setting(config, "tracing.filter", filters), tmp_path).start() as node:
        node.wait_height(1)
        assert (
            " WARN nomos_node: tracing.filter: nomos_consensus: unknown log level 'loud': "
            "expected one of trace, debug, info, warn, error, off; using info there"
        ) in node.log


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ("validator.yaml", "nomos-node demo-1/validator-0/validator.yaml"),
        ("../validator-1/validator.yaml", "nomos-node demo-1/validator-1/validator.yaml"),
        ("/etc/nomos/config.yaml", "nomos-node /etc/nomos/config.yaml"),
    ],
)
def test_the_title_of_a_node_names_run_and_node(
    config: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "demo-1" / "validator-0"
    directory.mkdir(parents=True)
    monkeypatch.chdir(directory)
    assert process_title("nomos-node", config) == shown
