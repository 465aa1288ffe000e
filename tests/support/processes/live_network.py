"""Networks of real embedded nodes for tests: deployed by the framework, looked at from outside."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from nomos_core.config import Kind, NodeConfig, load_config
from nomos_core.identifiers import ZkPublicKey
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.signing import sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.deployers.local.deployer import LocalDeployer
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.topology import GeneratedTopology, WalletAccount
from support.inputs.fault_deadlines import MACHINE_FACTOR

T = TypeVar("T")

PROGRAMS = Path(sys.executable).parent
"""The console scripts of the project under test."""
PATIENCE = 30.0 * MACHINE_FACTOR
PROVER = DevelopmentProver()

_OURS = (
    "NOMOS_",
    "CONSENSUS_",
    "POL_",
    "LOCAL_DEMO_",
    "COMPOSE_",
    "K8S_",
    "LOG_",
    "NET_",
    "HTTP_",
    "SLOW_",
    "RUST_LOG",
)


def live_environment(**variables: str) -> dict[str, str]:
    """The caller's environment without any variable that steers nodes or runs, then ``variables``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return inherited | {"POL_PROOF_DEV_MODE": "true", "NOMOS_PROVER": "development"} | variables


def live_deployer(directory: Path, **variables: str) -> LocalDeployer:
    """Deploys embedded nodes below ``directory`` and keeps all they leave; ``variables`` join their environment."""
    environ = live_environment(**variables)
    settings = Settings.from_environ({**environ, "NOMOS_TESTS_KEEP_LOGS": "1"})
    return LocalDeployer(settings=settings, runs_directory=directory, environ=environ)


@asynccontextmanager
async def live(directory: Path, scenario: Scenario, **variables: str) -> AsyncIterator[Runner]:
    async with live_deployer(directory, **variables).deployed(scenario) as runner:
        yield runner


async def reached(what: str, look: Callable[[], Awaitable[T | None]], *, patience: float = PATIENCE) -> T:
    """The first true result of ``look``; an assertion error that names ``what`` when it does not come."""
    deadline = time.monotonic() + patience
    last: T | None = None
    while time.monotonic() < deadline:
        if last := await look():
            return last
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {patience:g} s for {what}, the last value was {last!r}")


async def heights(nodes: Sequence[NodeHandle]) -> list[int]:
    infos = await asyncio.gather(*(node.client.consensus_info() for node in nodes))
    return [info.height for info in infos]


async def all_reach(nodes: Sequence[NodeHandle], height: int, *, patience: float = PATIENCE) -> None:
    async def look() -> bool:
        return min(await heights(nodes)) >= height

    await reached(f"all nodes to reach height {height}", look, patience=patience)


def directory_of(node: NodeHandle) -> Path:
    assert isinstance(node, DeployedNode)
    return node.directory


def log_of(node: NodeHandle) -> str:
    """Everything the node has logged into its files so far."""
    return "".join(path.read_text() for path in sorted(directory_of(node).glob("__logs*")))


def slots_logged(log: str, pattern: str) -> set[int]:
    """The numbers that a pattern's only group finds."""
    return {int(number) for number in re.findall(pattern, log)}


def config_of(node: NodeHandle) -> NodeConfig:
    """Read back from the file that the node was started with."""
    path = directory_of(node) / f"{node.role}.yaml"
    kind: Kind = "validator" if node.role == "validator" else "executor"
    return load_config(path.read_text(), source=str(path), kind=kind)


def genesis_notes(topology: GeneratedTopology) -> Mapping[ZkPublicKey, Utxo]:
    return {utxo.note.public_key: utxo for utxo in utxos_of(topology.genesis_tx.mantle_tx.ledger_tx)}


def transfer(note: Utxo, account: WalletAccount, *, to: int | None = None, value: int | None = None) -> SignedMantleTx:
    """Spend an account's genesis note completely, to itself or another key; out of balance with another ``value``."""
    recipient = account.public_key if to is None else ZkPublicKey(to)
    output = Note(account.value if value is None else value, recipient)
    return sign_transaction(
        MantleTx(ledger_tx=LedgerTx((note.id,), (output,))), ledger_keys=(account.secret_key,), prover=PROVER
    )
