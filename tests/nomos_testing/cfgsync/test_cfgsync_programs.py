"""``cfgsync-server`` and ``cfgsync-client`` as programs that talk over loopback."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nomos_core.config import dump_document
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.cfgsync.network_query import CfgsyncUnanswered, registered_network
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.configgen import ConfigOptions
from nomos_testing.surroundings import measured_machine_factor
from nomos_testing.topology import TopologySpec, WalletSpec, reserve_ports

pytestmark = pytest.mark.network

BIN = Path(sys.executable).parent
LONG = 600
SPEC = TopologySpec(validators=2, executors=1, wallet=WalletSpec(total=30, users=3), seed=1)
NAMES = SPEC.node_names


def free_port() -> int:
    with reserve_ports(1) as reservation:
        return reservation.nodes[0].api


class Server:
    """A running server; ``said`` are its lines so far."""

    def __init__(self, directory: Path, timeout: int = LONG, **keys: Any) -> None:
        self.config = CfgsyncConfig.for_network(
            SPEC,
            ConfigOptions(kzg_params=Path("/kzg")),
            port=free_port(),
            timeout=timeout,
            prover="development",
            **keys,
        )
        self.url = f"http://127.0.0.1:{self.config.port}"
        self.said: list[str] = []
        file = directory / "cfgsync.yaml"
        file.write_text(dump_document(self.config))
        self.process = subprocess.Popen(
            [BIN / "cfgsync-server", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait_for("Server running on")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.said.append(line.rstrip())
                self._changed.notify_all()

    def wait_for(self, text: str) -> None:
        limit = 20 * measured_machine_factor()
        with self._changed:
            came = self._changed.wait_for(lambda: any(text in line for line in self.said), timeout=limit)
        assert came, f"the server did not say {text!r} within {limit:.0f} s but: {self.said}"

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.end()


def client(server: str, file: Path, name: str, **environ: str) -> subprocess.CompletedProcess[str]:
    index = NAMES.index(name) if name in NAMES else 9
    variables = {
        "CFG_FILE_PATH": str(file),
        "CFG_SERVER_ADDR": server,
        "CFG_HOST_IP": f"10.0.0.{index + 1}",
        "CFG_HOST_IDENTIFIER": name,
        "CFG_HOST_KIND": name.split("-", maxsplit=1)[0],
        "CFG_NETWORK_PORT": str(4000 + index),
    }
    return subprocess.run(
        [BIN / "cfgsync-client"], env=variables | environ, capture_output=True, text=True, timeout=240, check=False
    )


Clients = list[Future[subprocess.CompletedProcess[str]]]


def start_clients(pool: ThreadPoolExecutor, server: Server, directory: Path, names: tuple[str, ...] = NAMES) -> Clients:
    return [pool.submit(client, server.url, directory / f"{name}.yaml", name) for name in names]


def check(kind: str, file: Path) -> None:
    program = "nomos-node" if kind == "validator" else "nomos-executor"
    done = subprocess.run([BIN / program, "--check-config", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_host_gets_its_configuration_at_once_and_a_restarted_one_gets_it_again(
    server: Server, tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        early = start_clients(pool, server, tmp_path, NAMES[1:])
        server.wait_for("2 of 3")
        assert not any(future.done() for future in early)
        started = time.monotonic()
        answers = [start_clients(pool, server, tmp_path, NAMES[:1])[0].result(), *(future.result() for future in early)]
        taken = time.monotonic() - started
    assert taken < 5 * measured_machine_factor()
    for name, done in zip((NAMES[0], *NAMES[1:]), answers, strict=True):
        file = tmp_path / f"{name}.yaml"
        assert (done.returncode, done.stdout, done.stderr) == (0, f"Config saved to {file}\n", "")
        check(name.split("-")[0], file)
    assert "All hosts have announced their IPs" in server.said

    again = client(server.url, tmp_path / "again.yaml", "validator-1", CFG_HOST_IP="10.0.0.77")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.yaml").read_bytes() == (tmp_path / "validator-1.yaml").read_bytes()

    late = client(server.url, tmp_path / "late.yaml", "validator-2")
    assert late.returncode == 1
    assert late.stderr.startswith("Error: Server error: 409 Conflict: the network is complete without validator-2")
    assert not (tmp_path / "late.yaml").exists()
    assert server.end() == 0


async def test_a_deployer_makes_the_network_that_the_nodes_got(server: Server, tmp_path: Path) -> None:
    prover = DevelopmentProver()
    asking = asyncio.create_task(registered_network(server.config, server.url, prover=prover))
    with ThreadPoolExecutor() as pool:
        for future in start_clients(pool, server, tmp_path):
            done = await asyncio.wrap_future(future)
            assert done.returncode == 0, done.stderr
    network = await asking
    assert [node.name for node in network.nodes] == list(NAMES)
    for node in network.nodes:
        assert (tmp_path / f"{node.name}.yaml").read_text() == node.config_yaml()
    assert len(network.wallet_accounts) == 3


async def test_when_the_time_is_over_hosts_and_deployer_are_told(tmp_path: Path) -> None:
    server = Server(tmp_path, timeout=0)
    try:
        done = client(server.url, tmp_path / "config.yaml", "validator-0")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "Error: Server error: 408 Request Timeout\n"
        server.wait_for("Timeout: Not all hosts announced within the time limit")
        with pytest.raises(CfgsyncUnanswered, match="answered 408 Request Timeout"):
            await registered_network(server.config, server.url, prover=DevelopmentProver())
    finally:
        server.end()


async def test_a_deployer_is_told_that_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(CfgsyncUnanswered, match="can't be reached"):
        await registered_network(CfgsyncConfig(), f"http://127.0.0.1:{free_port()}", prover=DevelopmentProver())


# What a server is sent that is no registration


def post(url: str, body: bytes) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, data=body) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_what_is_no_registration_is_refused_with_its_field(server: Server) -> None:
    good = {"ip": "10.0.0.1", "identifier": "validator-0"}
    cases = [
        ("/validator", b"{", 400, "expected a JSON object"),
        ("/validator", b"\xff", 400, "expected a JSON object"),
        ("/validator", b"[]", 422, "expected a JSON object, got list"),
        ("/executor", json.dumps(good | {"ip": "x"}).encode(), 422, "ip: expected an IPv4 address, got 'x'"),
        ("/executor", json.dumps(good | {"da_port": -1}).encode(), 422, "da_port: expected a port"),
        ("/node", json.dumps(good).encode(), 404, ""),
    ]
    for path, body, status, text in cases:
        answered, said = post(server.url + path, body)
        assert (answered, text in said) == (status, True), said


# Programs that can't do their work


def run_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "cfgsync-server", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run_server(str(tmp_path / "none.yaml"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Failed to read config file: {tmp_path}/none.yaml: No such file or directory\n"


def test_a_file_with_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "cfgsync.yaml"
    file.write_text("port: 4400\nn_hosts: many\n")
    done = run_server(str(file))
    assert done.returncode == 1
    assert done.stderr.startswith("Failed to parse config file: n_hosts: invalid type")
    assert f"at {file}:2:10: n_hosts" in done.stderr


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "cfgsync.yaml"
    file.write_bytes(b"\xff\xfe")
    done = run_server(str(file))
    assert (done.returncode, done.stderr) == (1, f"Failed to read config file: {file}: it is not UTF-8\n")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "cfgsync.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(f"port: {port}\n")
        done = run_server(str(file))
    assert done.returncode == 1
    assert re.search(rf"Error: can't listen on 0\.0\.0\.0:{port}: .*in use", done.stderr)


@pytest.mark.parametrize("arguments", [(), ("one.yaml", "two.yaml"), ("--port", "1")])
def test_wrong_usage_of_the_server(arguments: tuple[str, ...]) -> None:
    assert run_server(*arguments).returncode == 2


def test_a_client_without_a_server(tmp_path: Path) -> None:
    port = free_port()
    done = client(f"http://127.0.0.1:{port}", tmp_path / "config.yaml", "validator-0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: Failed to send IP announcement: http://127.0.0.1:{port}/validator: ")
    assert "refused" in done.stderr


def test_a_client_that_cannot_save(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        start_clients(pool, server, tmp_path)
    done = client(server.url, tmp_path / "nowhere/config.yaml", "executor-0")
    assert done.returncode == 1
    assert done.stderr == f"Error: Failed to save config to {tmp_path}/nowhere/config.yaml: No such file or directory\n"


def test_variables_that_a_client_cannot_use(tmp_path: Path) -> None:
    port = free_port()
    done = client(f"http://127.0.0.1:{port}", tmp_path / "config.yaml", "validator-0", CFG_HOST_IP="here")
    assert done.stderr.startswith("Invalid IP format, defaulting to 127.0.0.1\nError: Failed to send")
    done = client(f"http://127.0.0.1:{port}", tmp_path / "config.yaml", "validator-0", CFG_DA_PORT="many")
    assert done.stderr == "Error: CFG_DA_PORT='many' is not a port: expected a number from 1 to 65535\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"{}", "Failed to deserialize body: missing field `network`"),
        (b"nothing", "Failed to deserialize body: invalid type"),
    ],
)
def test_an_answer_that_is_no_configuration(tmp_path: Path, answer: bytes, message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        waiting = pool.submit(
            client, f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path / "c.yaml", "validator-0"
        )
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
            done = waiting.result()
    assert done.returncode == 1
    assert f"Error: {message}" in done.stderr
    assert not (tmp_path / "c.yaml").exists()


def test_without_variables_a_client_asks_on_this_machine_at_the_usual_port(tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "cfgsync-client"],
        cwd=tmp_path,
        env={"NOMOS_CFGSYNC_PORT": str(port := free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.startswith(f"Error: Failed to send IP announcement: http://127.0.0.1:{port}/validator: ")
