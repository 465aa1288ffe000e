"""The transactions workload over clients in memory: what it sends, when, and what it makes of refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nomos_core.identifiers import TxHash, ZkPublicKey, ZkSignature
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.client.errors import NodeRefused, NodeUnreachable
from nomos_testing.cluster.roles import Role
from nomos_testing.configgen import ConfigOptions, generate_topology
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import Entry, Journal
from nomos_testing.proof_cache import CachingProver
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.counters import Counters
from nomos_testing.runtime.interfaces import RunPlan
from nomos_testing.topology import TopologySpec, reserve_ports
from nomos_testing.topology.timing import RunTiming
from nomos_testing.topology.wallets import WalletSpec
from nomos_testing.workloads.transactions.events import TransactionSent, TransactionsFinished
from nomos_testing.workloads.transactions.workload import TransactionWorkload, sending

ACCOUNTS = 6
SLOT_SECONDS = 0.05


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SUBMISSION_RETRY_DELAY", 0.0)


@dataclass(eq=False)
class Node:
    """A node handle and its client in one; knows what it was sent."""

    name: str
    role: Role
    refuses: Sequence[Exception] = ()
    """One after the other, before anything is taken."""
    taken: list[SignedMantleTx] = field(default_factory=list)

    @property
    def client(self) -> Node:
        return self

    async def submit_transaction(self, transaction: SignedMantleTx) -> None:
        if self.refuses:
            error, *self.refuses = self.refuses
            raise error
        self.taken.append(transaction)


@dataclass
class Bench:
    ctx: RunContext
    nodes: Sequence[Node]
    written: list[Any]

    def events(self, kind: type) -> list[Any]:
        return [event for event in self.written if isinstance(event, kind)]

    @property
    def taken(self) -> list[SignedMantleTx]:
        return [transaction for node in self.nodes for transaction in node.taken]


class SlowProver(DevelopmentProver):
    """Takes longer for a proof than the schedule allows."""

    def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
        time.sleep(SLOT_SECONDS * 3)
        return super().sign(secret_keys, message)


@asynccontextmanager
async def bench(
    directory: Path, *nodes: Node, seconds: float = 0.2, prover: DevelopmentProver | None = None
) -> AsyncIterator[Bench]:
    wallet = WalletSpec(total=100 * ACCOUNTS, users=ACCOUNTS)
    spec = TopologySpec(validators=1, slot_duration=1, wallet=wallet, seed=3)
    with reserve_ports(1) as ports:
        topology = generate_topology(
            spec, ConfigOptions(kzg_params=directory), ports=ports.nodes, prover=DevelopmentProver()
        )
    cluster: Any = SimpleNamespace(
        nodes=nodes, node_control=lambda: None, network_control=lambda: None, metrics_url=None
    )
    journal, background, written = Journal(directory / "journal.jsonl"), Background(), list[Any]()

    def take(entry: Entry) -> None:
        written.append(entry.event)

    journal.listen(take)
    metrics = RunTiming(run_duration=seconds, slot_duration=SLOT_SECONDS, active_slot_coeff=1.0)
    ctx = RunContext(
        plan=RunPlan(topology=spec, metrics=metrics, seed=3),
        descriptors=topology,
        cluster=cluster,
        block_feed=BlockFeed([], poll_seconds=1),
        journal=journal,
        counters=Counters(),
        background=background,
        prover=prover or DevelopmentProver(),
    )
    try:
        yield Bench(ctx, nodes, written)
    finally:
        await background.close()
        journal.close()


async def run(
    bench: Bench, *, rate: int = 1, users: int | None = None, once_per_account: bool = True
) -> TransactionWorkload:
    workload = TransactionWorkload(rate=rate, users=users, once_per_account=once_per_account)
    workload.prepare(bench.ctx.plan())
    async with asyncio.timeout(20):
        await workload.run(bench.ctx)
    return workload


async def test_each_account_sends_its_note_to_itself_once(tmp_path: Path) -> None:
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR)) as lab:
        workload = await run(lab)
        notes = {utxo.id: utxo.note for utxo in utxos_of(lab.ctx.descriptors().genesis_tx.mantle_tx.ledger_tx)}
        owners: list[ZkPublicKey] = []
        for transaction in lab.taken:
            (spent,), (made,) = transaction.mantle_tx.ledger_tx.inputs, transaction.mantle_tx.ledger_tx.outputs
            assert made == notes[spent]
            owners.append(made.public_key)
        assert owners == [account.public_key for account in lab.ctx.wallet_accounts()[: workload.planned]]
        assert workload.planned == 4
        assert {event.transaction for event in lab.events(TransactionSent)} == {_hex(t.hash) for t in lab.taken}
        (finished,) = lab.events(TransactionsFinished)
        assert (finished.planned, finished.sent) == (4, 4)


async def test_no_more_accounts_send_than_users_were_asked_for(tmp_path: Path) -> None:
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR)) as lab:
        assert len((await run(lab, rate=5, users=2)).sent) == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"users": 500}, "500 users are asked for, and genesis funds 6 accounts: fund as many wallets"),
        ({"rate": 9}, "36 transactions are asked for .* and 6 accounts cannot keep that rate"),
    ],
)
async def test_a_load_that_the_accounts_cannot_be_is_refused(
    tmp_path: Path, arguments: dict[str, Any], text: str
) -> None:
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR)) as lab:
        with pytest.raises(ValueError, match=text):
            TransactionWorkload(**arguments).prepare(lab.ctx.plan())
        workload = TransactionWorkload(**arguments, best_effort=True)
        workload.prepare(lab.ctx.plan())
        assert 0 < workload.planned <= 12


async def test_another_node_takes_what_one_refuses(tmp_path: Path) -> None:
    silent = Node("validator-0", Role.VALIDATOR, [NodeUnreachable("validator-0", "POST", "no answer")] * 100)
    async with bench(tmp_path, silent, Node("executor-0", Role.EXECUTOR)) as lab:
        workload = await run(lab)
        assert len(lab.nodes[1].taken) == workload.planned
        assert {sent.node for sent in workload.sent} == {"executor-0"}


async def test_a_node_that_has_it_already_took_it(tmp_path: Path) -> None:
    """The first node took it and its answer was lost; then it came to the second by gossip."""
    lost = Node("validator-0", Role.VALIDATOR, [NodeUnreachable("validator-0", "POST", "no answer in 10 s")] * 100)
    known = Node("executor-0", Role.EXECUTOR, [NodeRefused("executor-0", "POST", 500, "Item already in mempool")] * 100)
    async with bench(tmp_path, lost, known) as lab:
        workload = await run(lab)
        assert [sent.node for sent in workload.sent] == ["executor-0"] * workload.planned


async def test_a_node_is_asked_again_before_the_workload_gives_up(tmp_path: Path) -> None:
    refusal = NodeRefused("validator-0", "POST /mempool/add/tx", 500, "busy")
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR, [refusal] * 4)) as lab:
        assert len((await run(lab, users=1)).sent) == 1


async def test_a_transaction_that_no_node_takes_fails_the_workload(tmp_path: Path) -> None:
    refusal = NodeRefused("validator-0", "POST /mempool/add/tx", 500, "busy")
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR, [refusal] * 100)) as lab:
        with pytest.raises(ExceptionGroup) as failed:
            await run(lab)
        assert failed.group_contains(NodeRefused, match="validator-0: POST /mempool/add/tx: 500 busy")
        (finished,) = lab.events(TransactionsFinished)
        assert finished.sent == 0


async def test_a_slow_prover_slows_the_rate_and_is_reported(tmp_path: Path) -> None:
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR), prover=SlowProver(), seconds=0.1) as lab:
        workload = await run(lab, rate=3)
        assert len(workload.sent) == workload.planned == ACCOUNTS
        (finished,) = lab.events(TransactionsFinished)
        assert finished.furthest_behind_seconds > finished.interval_seconds
        (notice,) = lab.events(Notice)
        assert notice.level == "warning"
        assert "s late, and one in 0.02 s was planned: proofs, nodes or free accounts came too late" in notice.text


async def test_real_proofs_are_made_before_the_load_and_taken_from_the_cache_in_it(tmp_path: Path) -> None:
    class Counting(DevelopmentProver):
        made = 0

        def sign(self, secret_keys: Sequence[int], message: int) -> ZkSignature:
            self.made += 1
            return super().sign(secret_keys, message)

    counting = Counting()
    prover: Any = CachingProver(counting, tmp_path / "proofs", identity=b"circuits")
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR), prover=prover) as lab:
        workload = TransactionWorkload(rate=1)
        workload.prepare(lab.ctx.plan())
        async with asyncio.timeout(20):
            await workload.get_ready(lab.ctx)
            assert counting.made == workload.planned
            assert lab.events(Notice)[-1].text == f"proofs: {workload.planned} of {workload.planned} are there"
            await workload.run(lab.ctx)
        assert counting.made == workload.planned
        assert len(lab.taken) == workload.planned


async def test_development_proofs_are_not_made_beforehand(tmp_path: Path) -> None:
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR)) as lab:
        workload = TransactionWorkload(rate=1)
        workload.prepare(lab.ctx.plan())
        await workload.get_ready(lab.ctx)
        assert lab.events(Notice) == []


def _hex(tx_hash: TxHash) -> str:
    return int(tx_hash).to_bytes(32, "little").hex()
