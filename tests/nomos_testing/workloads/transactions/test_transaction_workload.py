"""The transactions workload: what it plans, and over clients in memory what it sends and when."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from nomos_testing.runtime.interfaces import ExpectationFailed, RunPlan
from nomos_testing.topology import TopologySpec, reserve_ports
from nomos_testing.topology.timing import RunTiming
from nomos_testing.topology.wallets import WalletSpec
from nomos_testing.waiting.machine import Patience
from nomos_testing.workloads.transactions.events import TransactionSent, TransactionsFinished, TransactionsJudged
from nomos_testing.workloads.transactions.workload import (
    RunningTransactionWorkload,
    TransactionWorkload,
    proof_sentence,
    submission_plan,
)

ACCOUNTS = 6
SLOT_SECONDS = 0.05


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
        patience=Patience(machine_factor=0.02),
    )
    try:
        yield Bench(ctx, nodes, written)
    finally:
        await background.close()
        journal.close()


async def run(
    bench: Bench, *, rate: int = 1, users: int | None = None, once_per_account: bool = True
) -> RunningTransactionWorkload:
    wanted = TransactionWorkload(rate=rate, users=users, once_per_account=once_per_account)
    workload = bench.ctx.running(wanted)
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


async def test_two_runs_at_once_count_their_own_transactions(tmp_path: Path) -> None:
    """One network takes everything, and the other nothing."""
    wanted = TransactionWorkload(rate=1, once_per_account=True)
    refusals = [NodeUnreachable("validator-0", "POST", "no answer")] * 100
    (tmp_path / "takes").mkdir()
    (tmp_path / "refuses").mkdir()
    async with (
        bench(tmp_path / "takes", Node("validator-0", Role.VALIDATOR)) as takes,
        bench(tmp_path / "refuses", Node("validator-0", Role.VALIDATOR, refusals)) as refuses,
    ):
        runs = [lab.ctx.running(wanted) for lab in (takes, refuses)]
        judges = [lab.ctx.running(wanted.expectations()[0]) for lab in (takes, refuses)]
        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(
                *(running.run(lab.ctx) for running, lab in zip(runs, (takes, refuses), strict=True)),
                return_exceptions=True,
            )
        assert [type(outcome) for outcome in outcomes] == [type(None), ExceptionGroup]
        assert [len(running.sent) for running in runs] == [runs[0].planned, 0]
        assert [len(lab.events(TransactionSent)) for lab in (takes, refuses)] == [runs[0].planned, 0]
        for judge, lab, sent in zip(judges, (takes, refuses), (runs[0].planned, 0), strict=True):
            with pytest.raises(ExpectationFailed, match="transaction inclusion observed 0 below"):
                await judge.evaluate(lab.ctx)
            assert [event.sent for event in lab.events(TransactionsJudged)] == [sent]


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
        workload = lab.ctx.running(TransactionWorkload(**arguments, best_effort=True))
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
        workload = lab.ctx.running(TransactionWorkload(rate=1))
        async with asyncio.timeout(20):
            await workload.get_ready(lab.ctx)
            assert counting.made == workload.planned
            assert lab.events(Notice)[-1].text == f"proofs: {workload.planned} of {workload.planned} are there"
            await workload.run(lab.ctx)
        assert counting.made == workload.planned
        assert len(lab.taken) == workload.planned


async def test_development_proofs_are_not_made_beforehand(tmp_path: Path) -> None:
    async with bench(tmp_path, Node("validator-0", Role.VALIDATOR)) as lab:
        workload = lab.ctx.running(TransactionWorkload(rate=1))
        await workload.get_ready(lab.ctx)
        assert lab.events(Notice) == []


def _hex(tx_hash: TxHash) -> str:
    return int(tx_hash).to_bytes(32, "little").hex()


# the plan


def _metrics(seconds: float, slot: float | None = 2.0, coefficient: float = 0.9) -> RunTiming:
    return RunTiming(run_duration=seconds, slot_duration=slot, active_slot_coeff=coefficient)


def test_the_demo_plans_166_transactions_in_a_minute() -> None:
    plan = submission_plan(_metrics(60), rate=5, accounts=500)
    assert (plan.planned, plan.interval) == (166, 60 / 166)


def test_once_per_account_no_account_sends_twice() -> None:
    plan = submission_plan(_metrics(60), rate=5, accounts=10, once=True)
    assert (plan.planned, plan.accounts, plan.interval) == (10, 10, 6.0)
    assert plan.sentences() == (
        "10 transactions, 0.33 a slot, 5 of them must be in blocks: 5 a block, which is taken to last 1.8 s",
        "the rate asks for 166, more than 10 accounts can send: each sends once",
    )


def test_accounts_that_spend_their_change_keep_the_rate_for_any_length() -> None:
    plan = submission_plan(_metrics(500, slot=0.5), rate=5, accounts=100)
    assert (plan.planned, plan.accounts) == (5555, 100)
    first, second = plan.sentences()
    assert first.startswith("5555 transactions, 5.55 a slot, 2778 of them must be in blocks: 5 a block")
    assert second == (
        "100 accounts send in turns: each spends its change when its last transaction is in a block, "
        "for which 13 are enough"
    )


def test_accounts_too_few_for_the_rate_are_refused_with_the_numbers() -> None:
    with pytest.raises(ValueError, match="transactions are asked for") as refused:
        submission_plan(_metrics(60), rate=3, accounts=2)
    assert str(refused.value) == (
        "100 transactions are asked for (3 a block, one in 0.6 s), and 2 accounts cannot keep that rate: an account "
        "sends again when its last transaction is in a block, which takes 2.2 slots. Fund 8 wallets or more, lower the "
        "rate, or say best_effort: true to send what these accounts can"
    )


def test_with_best_effort_they_send_what_they_can() -> None:
    plan = submission_plan(_metrics(60), rate=3, accounts=2, best_effort=True)
    assert (plan.planned, plan.requested, plan.needed) == (25, 100, 8)
    assert plan.sentences()[1] == (
        "the rate asks for 100, more than 2 accounts can send: each rests until its transaction is in a block; "
        "8 would be enough"
    )


def test_without_a_slot_the_run_counts_as_one_block() -> None:
    assert submission_plan(_metrics(60, slot=None), rate=5, accounts=500).planned == 5


def test_a_run_too_short_for_one_transaction_is_refused() -> None:
    with pytest.raises(ValueError, match="scheduled zero transactions"):
        submission_plan(_metrics(1.0), rate=1, accounts=500)


@given(
    seconds=st.floats(4, 10_000),
    slot=st.floats(0.2, 20),
    coefficient=st.floats(0.05, 1),
    rate=st.integers(1, 1000),
    accounts=st.integers(1, 5000),
)
def test_the_plan_fills_the_run_and_keeps_both_limits(
    seconds: float, slot: float, coefficient: float, rate: int, accounts: int
) -> None:
    requested = math.floor(seconds / (slot * coefficient) * rate)
    if requested == 0:
        return
    metrics = _metrics(seconds, slot, coefficient)
    once = submission_plan(metrics, rate=rate, accounts=accounts, once=True)
    assert once.planned == min(requested, accounts)
    assert once.planned * once.interval == pytest.approx(seconds)
    best = submission_plan(metrics, rate=rate, accounts=accounts, best_effort=True)
    assert min(requested, accounts) <= best.planned <= requested
    if best.planned == requested:
        assert submission_plan(metrics, rate=rate, accounts=accounts).planned == requested
    else:
        with pytest.raises(ValueError, match="cannot keep that rate"):
            submission_plan(metrics, rate=rate, accounts=accounts)


def test_a_plan_says_what_real_proofs_take() -> None:
    once = submission_plan(_metrics(60), rate=5, accounts=500)
    assert proof_sentence(once, machine_factor=1.0, processors=2) == (
        "proofs of 166 transactions before the load: some 17 s"
    )
    turns = submission_plan(_metrics(500, slot=0.5), rate=5, accounts=100)
    assert proof_sentence(turns, machine_factor=2.0, processors=4) == (
        "proofs of 100 transactions before the load: some 10 s; of 5455 during it, one at a time, 0.4 s each: "
        "one processor does not keep the rate of one in 0.09 s"
    )
