"""Embedded nodes for tests: a configuration made from the golden one, and a real node process that runs it.

Also helps to look at nodes from outside: HTTP by the standard library, and waiting for a condition with a deadline.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from nomos_core.config import (
    Duration,
    ExecutorConfig,
    Genesis,
    NodeConfig,
    SocketAddress,
    UtcTime,
    ValidatorConfig,
    dump_config,
    load_config,
    with_setting,
)
from nomos_core.config.tracing import FileLogger
from nomos_core.keys import zk_public_key
from nomos_core.mantle.genesis import GenesisDeclaration, genesis_transaction
from nomos_core.mantle.transactions import Note, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.topology import reserve_ports
from support.inputs.golden import golden_path

T = TypeVar("T")
C = TypeVar("C", bound=NodeConfig)

PROVER = DevelopmentProver()
LEADER_SECRET = 7
PATIENCE = 20.0
ENVIRONMENT = {**os.environ, "POL_PROOF_DEV_MODE": "true", "NOMOS_PROVER": "development"}
CONFIG_NAME = "validator.yaml"


def genesis(notes: Iterable[Note], declarations: Sequence[GenesisDeclaration] = ()) -> SignedMantleTx:
    return genesis_transaction(tuple(notes), declarations, PROVER)


def leader_genesis(extra: Iterable[Note] = ()) -> SignedMantleTx:
    """One leader holds all the stake but the extra notes."""
    return genesis([Note(1000, zk_public_key(LEADER_SECRET)), *extra])


_WORKERS: Final = 4
_GIVEN: Final = set[int]()


def free_ports(count: int) -> list[int]:
    """Ports free for TCP and UDP at the moment, which the kernel gives to nobody by itself.

    No port is given twice, neither by this process nor by another worker of the same pytest.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    found = list[int]()
    while len(found) < count:
        with reserve_ports(_WORKERS) as reserved:
            own = {port for node in reserved.nodes for port in node.all if port % _WORKERS == worker} - _GIVEN
        found += list(own)[: count - len(found)]
        _GIVEN.update(found)
    return found


def make_config(genesis_tx: SignedMantleTx, **settings: Any) -> ValidatorConfig:
    """The golden configuration with a genesis of ours, free ports and paths relative to the node's directory.

    It has one subnetwork, so no data availability. ``settings`` are those of ``_adjusted``, and further changes by
    path, with ``__`` for the dots.
    """
    golden = load_config(golden_path("validator.yaml").read_text(), source="golden", kind="validator")
    return _adjusted(golden, genesis_tx, **settings)


def make_executor_config(genesis_tx: SignedMantleTx, **settings: Any) -> ExecutorConfig:
    golden = load_config(golden_path("executor.yaml").read_text(), source="golden", kind="executor")
    return _adjusted(golden, genesis_tx, **settings)


def _adjusted(
    config: C,
    genesis_tx: SignedMantleTx,
    *,
    slot: float = 0.2,
    chain_start: float | None = None,
    peers: Sequence[str] = (),
    known_keys: Sequence[int] = (),
    node_key: bytes = bytes(range(32)),
    **settings: Any,
) -> C:
    network, api, testing = free_ports(3)
    changes = {
        "network.backend.swarm.host": "127.0.0.1",
        "network.backend.swarm.port": network,
        "network.backend.swarm.node_key": node_key,
        "network.backend.swarm.nat_config.external_address": f"/ip4/127.0.0.1/udp/{network}/quic-v1",
        "network.backend.initial_peers": tuple(peers),
        "cryptarchia.service.starting_state": Genesis(genesis_tx=genesis_tx),
        "cryptarchia.service.bootstrap.prolonged_bootstrap_period": Duration.of(0),
        "cryptarchia.leader.sk": LEADER_SECRET,
        "cryptarchia.leader.pk": zk_public_key(LEADER_SECRET),
        "wallet.known_keys": (zk_public_key(LEADER_SECRET), *known_keys),
        "deployment.time.slot_duration": Duration.of(slot),
        "time.chain_start_time": UtcTime.of(time.time() if chain_start is None else chain_start),
        "tracing.logger": FileLogger(directory="logs", prefix="node"),
        "tracing.filter": None,
        "da_network.membership.subnetwork_size": 1,
        "http.backend_settings.address": SocketAddress("127.0.0.1", api),
        "testing_http.backend_settings.address": SocketAddress("127.0.0.1", testing),
        **{path.replace("__", "."): value for path, value in settings.items()},
    }
    for path, value in changes.items():
        config = with_setting(config, path, value)
    return config


def network_address(config: NodeConfig) -> str:
    swarm = config.network.backend.swarm
    return f"/ip4/{swarm.host}/udp/{swarm.port}/quic-v1"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    address: SocketAddress, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def wait_until(what: str, condition: Callable[[], T | None], *, patience: float = PATIENCE) -> T:
    """The first true result of ``condition``; an assertion error that names ``what`` when it does not come."""
    deadline = time.monotonic() + patience
    last: T | None = None
    while time.monotonic() < deadline:
        if last := condition():
            return last
        time.sleep(0.02)
    raise AssertionError(f"waited {patience} s for {what}, the last value was {last!r}")


@dataclass(slots=True)
class NodeProcess:
    """``nomos-node`` in a directory of its own; ``with`` kills it in the end."""

    config: NodeConfig
    directory: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    more_yaml: str = ""
    """Put behind the configuration."""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / CONFIG_NAME).write_text(dump_config(self.config) + self.more_yaml)
        module = "nomos_node.cli" if self.config.kind == "validator" else "nomos_node.executor_cli"
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *self.arguments, CONFIG_NAME],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the node was not started"
        return self._process

    @property
    def output(self) -> str:
        return (self.directory / "output").read_text()

    @property
    def log(self) -> str:
        return "".join(file.read_text() for file in sorted((self.directory / "logs").glob("*")))

    def get(self, path: str) -> Any:
        return self.ask("GET", path).json

    def post(self, path: str, value: Any) -> Answer:
        return self.ask("POST", path, json.dumps(value).encode(), {"content-type": "application/json"})

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return ask(self.config.http.backend_settings.address, method, path, body, headers)

    def info(self) -> dict[str, Any] | None:
        """``/cryptarchia/info``; None while the port refuses."""
        try:
            info: dict[str, Any] = self.get("/cryptarchia/info")
        except ConnectionError:
            assert self.process.poll() is None, f"the node ended with {self.process.returncode}:\n{self.output}"
            return None
        return info

    def wait_ready(self) -> Self:
        wait_until(f"{self.directory.name} to answer", self.info)
        return self

    def wait_height(self, height: int, *, patience: float = PATIENCE) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            info = self.info()
            return info if info and info["height"] >= height else None

        return wait_until(f"{self.directory.name} to reach height {height}", reached, patience=patience)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code and the seconds until then."""
        sent = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE), time.monotonic() - sent

    def wait_end(self) -> int:
        return self.process.wait(timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
