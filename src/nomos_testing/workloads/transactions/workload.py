"""The transactions workload: accounts send their notes to themselves at a steady rate.

The first transaction of each account spends its genesis note, in the order of the accounts. Threads make these proofs
ahead of the sending. After every account has sent, an account sends again when its last transaction is on the canonical
chain. Such a transaction is proven when its turn comes, one at a time. Each submission is a task of its own, so a slow
node delays no other submission. If proofs or free accounts come too late, the rate sinks, and the run says by how much.

The number of transactions is that of the original framework, which sends one transaction for each account. Here an
account sends again, unless the scenario asks for ``once_per_account``.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from nomos_core import field
from nomos_core.mantle.notes import utxos_of
from nomos_core.mantle.signing import sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, SignedMantleTx
from nomos_core.proofs.prover import Prover
from nomos_testing.blocks.lottery_odds import LotteryOdds
from nomos_testing.client.errors import NodeClientError
from nomos_testing.client.node_client import NodeClient
from nomos_testing.failure import Failure
from nomos_testing.journal.events import Notice
from nomos_testing.proof_cache import CachingProver
from nomos_testing.runtime.counters import TRANSACTIONS_PLANNED, TRANSACTIONS_SENT
from nomos_testing.runtime.interfaces import ExpectationSpec, RunContext, RunPlan
from nomos_testing.surroundings import monotonic
from nomos_testing.topology import GeneratedTopology
from nomos_testing.topology.timing import RunTiming
from nomos_testing.workloads.transactions.events import TransactionSent, TransactionsFinished
from nomos_testing.workloads.transactions.inclusion import Sent, TransactionInclusion, required_inclusions
from nomos_testing.workloads.transactions.spending import LOST_AFTER_BLOCKS, FundedAccount, SpendableAccounts

PROOF_SECONDS: Final = 0.2
"""One zksign proof with the prover of the circuits. Measured: the genesis of ten nodes, with 21 proofs, took 4.2 s."""
_REST_WINNERS: Final = 2
"""An account waits for this many slots with a block: one that its transaction can miss, and the one that includes it.
It rarely misses the first one. That is the margin."""
_LEAST_CHANCE: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPlan:
    """The number, the rate and the accounts of a run's transactions."""

    planned: int
    """Transactions in the whole run."""
    interval: float
    """Seconds from one submission to the next."""
    requested: int
    """Transactions that the rate asks for in the run."""
    rate: int
    """Transactions a block."""
    block_seconds: float
    """Expected seconds from one block to the next."""
    slots: float
    """Slots of the run; 0 if the slot duration is unknown."""
    accounts: int
    """Accounts that send."""
    needed: int
    """The fewest accounts that can keep the rate for any length of run."""
    once: bool
    """Whether each account sends only once."""

    def sentences(self) -> Sequence[str]:
        """Describe the plan in sentences."""
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[str]:
        per_slot = f", {self.planned / self.slots:.2f} a slot" if self.slots else ""
        yield (
            f"{self.planned} transactions{per_slot}, {required_inclusions(self.planned)} of them must be in blocks: "
            f"{self.rate} a block, which is taken to last {self.block_seconds:g} s"
        )
        if self.planned < self.requested:
            why = "each sends once"
            if not self.once:
                why = f"each rests until its transaction is in a block; {self.needed} would be enough"
            yield f"the rate asks for {self.requested}, more than {_counted(self.accounts)} can send: {why}"
        elif self.planned > self.accounts:
            yield (
                f"{_counted(self.accounts)} send in turns: each spends its change when its last transaction is in a "
                f"block, for which {self.needed} are enough"
            )


def submission_plan(
    metrics: RunTiming,
    *,
    rate: int,
    accounts: int,
    wins: float | None = None,
    once: bool = False,
    best_effort: bool = False,
) -> SubmissionPlan:
    """Plan a run at ``rate`` transactions a block.

    A block is expected every ``block_interval_hint`` seconds, or once in the run if that is unknown. For example, a run
    of 60 s at rate 5 with slots of 2 s and a coefficient of 0.9 plans ``floor(60 / 1.8 * 5) = 166``.

    ``wins`` is the chance that a slot has a block after all accounts have spent their genesis notes, because a spent
    note takes no part in the leader lottery. The default is the coefficient.

    Raises:
        ValueError: nothing would be sent, or the accounts cannot keep the rate without ``best_effort``.
    """
    run_seconds = metrics.run_duration
    block_seconds = metrics.block_interval_hint or run_seconds
    requested = math.floor(run_seconds / block_seconds * rate)
    rest = _REST_WINNERS / max(wins if wins is not None else metrics.active_slot_coeff, _LEAST_CHANCE)
    needed = min(requested, math.ceil(rate / block_seconds * rest * (metrics.slot_duration or 0.0)) or 1)
    planned = min(requested, accounts) if once else requested
    if not once and accounts < needed:
        if not best_effort:
            raise ValueError(
                f"{requested} transactions are asked for ({rate} a block, one in {block_seconds / rate:.2g} s), and "
                f"{_counted(accounts)} cannot keep that rate: an account sends again when its last transaction is in a "
                f"block, which takes {rest:.1f} slots. Fund {needed} wallets or more, lower the rate, "
                "or say best_effort: true to send what these accounts can"
            )
        planned = max(min(requested, accounts), math.floor(requested * accounts / needed))
    if planned == 0:
        raise ValueError("transaction workload scheduled zero transactions")
    slot = metrics.slot_duration
    return SubmissionPlan(
        planned=planned,
        interval=run_seconds / planned,
        requested=requested,
        rate=rate,
        block_seconds=block_seconds,
        slots=run_seconds / slot if slot else 0.0,
        accounts=min(accounts, planned),
        needed=needed,
        once=once,
    )


def proof_sentence(plan: SubmissionPlan, *, machine_factor: float, processors: int) -> str:
    """Describe the time of real proofs: the first round is made before the load, the others one at a time during it."""
    proof = PROOF_SECONDS * machine_factor
    before = f"proofs of {plan.accounts} transactions before the load: some {plan.accounts * proof / processors:.0f} s"
    later = plan.planned - plan.accounts
    if not later:
        return before
    keeps = "keeps" if proof <= plan.interval else "does not keep"
    return (
        f"{before}; of {later} during it, one at a time, {proof:.2g} s each: one processor {keeps} the rate of one in "
        f"{plan.interval:.2g} s"
    )


def _counted(accounts: int) -> str:
    return f"{accounts} account{'s' * (accounts != 1)}"


SUBMISSION_ROUNDS: Final = 5
SUBMISSION_RETRY_SECONDS: Final = 0.5
"""On the reference machine."""


async def submit_in_rounds(ctx: RunContext, transaction: SignedMantleTx) -> NodeClient:
    """Submit a transaction: ask all nodes, one after the other, in up to five rounds.

    Returns:
        The client of the node that accepted it.

    Raises:
        NodeClientError: no node accepted it in any round. This is the error of the last node.
    """
    for _ in range(SUBMISSION_ROUNDS - 1):
        try:
            return await ctx.cluster_client().submit_transaction(transaction)
        except NodeClientError:
            await asyncio.sleep(ctx.patience().seconds(SUBMISSION_RETRY_SECONDS))
    return await ctx.cluster_client().submit_transaction(transaction)


PROOFS_AHEAD: Final = 2
"""Real proofs are made one at a time, so more of them would only wait."""
PROGRESS_SECONDS: Final = 5.0


def funded_accounts(topology: GeneratedTopology) -> list[FundedAccount]:
    """Return the accounts that own a genesis note, in the order of the accounts."""
    by_owner = {utxo.note.public_key: utxo for utxo in utxos_of(topology.genesis_tx.mantle_tx.ledger_tx)}
    return [
        FundedAccount(account, by_owner[account.public_key])
        for account in topology.wallet_accounts
        if account.public_key in by_owner
    ]


def self_transfer(source: FundedAccount, prover: Prover) -> SignedMantleTx:
    """Make a transaction with one input and one output of the same value to the same key, without operations or fees.

    A later attempt to spend the same note adds a second output of ``attempt`` tokens, so that its hash differs.

    Raises:
        Failure: the note is too small for another attempt.
    """
    note, attempt = source.note.note, source.attempt
    if attempt >= note.value:
        raise Failure(f"{source.account.label}: {attempt} transactions of its note of {note.value} tokens were lost")
    outputs = (note,) if not attempt else (replace(note, value=note.value - attempt), replace(note, value=attempt))
    transaction = MantleTx(ledger_tx=LedgerTx(inputs=(source.note.id,), outputs=outputs))
    return sign_transaction(transaction, operation_signers=(), ledger_keys=(source.account.secret_key,), prover=prover)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionWorkload:
    """``rate`` transactions a block from at most ``users`` accounts.

    With ``once_per_account`` each account sends one transaction at most, as in the original framework. If there are too
    few accounts for the rate, the scenario is refused; with ``best_effort`` they send what they can.
    """

    name: ClassVar[str] = "tx_workload"
    rate: int = 1
    users: int | None = None
    once_per_account: bool = False
    best_effort: bool = False

    def __post_init__(self) -> None:
        if self.rate < 1:
            raise ValueError("transaction rate must be non-zero")
        if self.users is not None and self.users < 1:
            raise ValueError("transaction user count must be non-zero")

    def submissions(self, plan: RunPlan) -> SubmissionPlan:
        """Plan the submissions of a run.

        Raises:
            ValueError: the accounts of this run cannot send them.
        """
        accounts = plan.topology.wallet.users if plan.topology.wallet else 0
        if not accounts:
            raise ValueError("transaction workload requires seeded accounts")
        if self.users is not None and self.users > accounts and not self.best_effort:
            raise ValueError(
                f"{self.users} users are asked for, and genesis funds {accounts} accounts: "
                "fund as many wallets, lower users, or say best_effort: true to send from those there are"
            )
        usable = accounts if self.users is None else min(accounts, self.users)
        return submission_plan(
            plan.metrics,
            rate=self.rate,
            accounts=usable,
            wins=1 - LotteryOdds.of(plan.topology).empty_slot(spent=usable),
            once=self.once_per_account,
            best_effort=self.best_effort,
        )

    def expectations(self) -> Sequence[ExpectationSpec]:
        return (TransactionInclusion(self),)

    def prepare(self, plan: RunPlan) -> None:
        self.submissions(plan)

    def describe_load(self, plan: RunPlan) -> Sequence[str]:
        """Say how many transactions a run sends, and from how many accounts."""
        return self.submissions(plan).sentences()

    def begin(self, ctx: RunContext) -> RunningTransactionWorkload:
        return RunningTransactionWorkload(self.name, self.submissions(ctx.plan()))

    def file_section(self) -> Mapping[str, Any]:
        """Return the same in a scenario file."""
        users = {} if self.users is None else {"users": self.users}
        choices = {"once_per_account": self.once_per_account, "best_effort": self.best_effort}
        chosen = {name: True for name, given in choices.items() if given}
        return {"transactions": {"rate": self.rate, **users, **chosen}}


class RunningTransactionWorkload:
    """Sends the transactions of one run."""

    def __init__(self, name: str, submissions: SubmissionPlan) -> None:
        self.name = name
        self._submissions = submissions
        self._sent: list[Sent] = []
        self._furthest_behind = 0.0

    @property
    def planned(self) -> int:
        """The number of transactions that the run sends."""
        return self._submissions.planned

    @property
    def sent(self) -> Sequence[Sent]:
        """The transactions that nodes have accepted so far, in order."""
        return self._sent

    async def get_ready(self, ctx: RunContext) -> None:
        """Make the proof of each account's first transaction, on all processors. The prover keeps the proofs.

        Raises:
            ProofError: a proof could not be made.
        """
        prover, sources = ctx.prover(), funded_accounts(ctx.descriptors())[: self._submissions.accounts]
        if isinstance(prover, CachingProver):
            with prover.all_processors():
                await _prove_all(ctx, sources)

    async def run(self, ctx: RunContext) -> None:
        """Send the planned transactions.

        Raises:
            NodeClientError: no node accepted a transaction in any of five rounds.
            ValueError: genesis funds none of the accounts.
        """
        sources = funded_accounts(ctx.descriptors())[: self._submissions.accounts]
        if not sources:
            raise ValueError("transaction workload could not match any accounts to genesis UTXOs")
        ctx.counters().set(TRANSACTIONS_PLANNED, self.planned)
        spendable = SpendableAccounts()
        try:
            async with _following(ctx, spendable):
                await self._send_all(ctx, sources, spendable, self._submissions.interval)
        finally:
            self._report(ctx, self._submissions.interval, spendable.lost)

    async def _send_all(
        self, ctx: RunContext, sources: Sequence[FundedAccount], spendable: SpendableAccounts, interval: float
    ) -> None:
        start, position = monotonic(), 0
        async with asyncio.TaskGroup() as submissions:
            async for source, transaction in self._signed(ctx.prover(), sources, spendable):
                signed = monotonic()
                behind = signed - (start + position * interval)
                self._furthest_behind = max(self._furthest_behind, behind)
                await asyncio.sleep(max(0.0, -behind))
                submissions.create_task(self._submit(ctx, source, transaction, spendable, signed))
                position += 1

    async def _signed(
        self, prover: Prover, sources: Sequence[FundedAccount], spendable: SpendableAccounts
    ) -> AsyncIterator[tuple[FundedAccount, SignedMantleTx]]:
        """Yield each account once, then those that are free again, up to the planned number of transactions."""
        async for signed in _signed_ahead(sources, prover):
            yield signed
        for _ in range(self.planned - len(sources)):
            source = await spendable.take()
            yield source, await asyncio.to_thread(self_transfer, source, prover)

    async def _submit(
        self,
        ctx: RunContext,
        source: FundedAccount,
        transaction: SignedMantleTx,
        spendable: SpendableAccounts,
        signed: float,
    ) -> None:
        submitted = monotonic()
        client = await submit_in_rounds(ctx, transaction)
        sent = Sent(transaction.hash, source.account.label, client.name, monotonic())
        self._sent.append(sent)
        spendable.sent(source, transaction)
        ctx.counters().add(TRANSACTIONS_SENT)
        ctx.journal().write(
            TransactionSent(
                transaction=field.to_hex(sent.tx_hash),
                account=sent.account,
                node=sent.node,
                signed_seconds=round(sent.at - signed, 6),
                submission_seconds=round(sent.at - submitted, 6),
            )
        )

    def _report(self, ctx: RunContext, interval: float, lost: int) -> None:
        behind, journal = self._furthest_behind, ctx.journal()
        journal.write(
            TransactionsFinished(
                planned=self.planned,
                sent=len(self._sent),
                interval_seconds=interval,
                furthest_behind_seconds=max(0.0, behind),
                lost=lost,
            )
        )
        if behind > max(interval, ctx.run_metrics().slot_duration or 0.0):
            text = (
                f"transactions were sent up to {behind:.1f} s late, and one in {interval:.2f} s was planned: "
                "proofs, nodes or free accounts came too late"
            )
            journal.write(Notice(text, "warning"))
        if lost:
            text = f"{lost} transactions were not on the chain {LOST_AFTER_BLOCKS} blocks later and were replaced"
            journal.write(Notice(text, "warning"))


@asynccontextmanager
async def _following(ctx: RunContext, spendable: SpendableAccounts) -> AsyncIterator[None]:
    """Keep ``spendable`` up to date with the chain during the block."""

    async def follow() -> None:
        async for _ in ctx.block_feed().subscribe(past=False):
            spendable.settle(ctx.block_feed())

    following = ctx.spawn(follow(), name="follow the accounts' transactions")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _prove_all(ctx: RunContext, sources: Sequence[FundedAccount]) -> None:
    """Sign one transaction of each account, one a processor at a time, and report the progress."""
    waiting, made, told = deque(sources), 0, monotonic()

    async def work() -> None:
        nonlocal made, told
        while waiting:
            await asyncio.to_thread(self_transfer, waiting.popleft(), ctx.prover())
            made += 1
            if made == len(sources) or monotonic() - told >= PROGRESS_SECONDS:
                told = monotonic()
                ctx.journal().write(Notice(f"proofs: {made} of {len(sources)} are there"))

    async with asyncio.TaskGroup() as workers:
        for _ in range(os.cpu_count() or 1):
            workers.create_task(work())


async def _signed_ahead(
    sources: Sequence[FundedAccount], prover: Prover
) -> AsyncIterator[tuple[FundedAccount, SignedMantleTx]]:
    """Sign in threads, a few transactions ahead of the one that is yielded. Keeps the order."""
    ahead: deque[tuple[FundedAccount, asyncio.Task[SignedMantleTx]]] = deque()
    try:
        for source in sources:
            ahead.append((source, asyncio.create_task(asyncio.to_thread(self_transfer, source, prover))))
            if len(ahead) > PROOFS_AHEAD:
                ready, proof = ahead.popleft()
                yield ready, await proof
        while ahead:
            ready, proof = ahead.popleft()
            yield ready, await proof
    finally:
        for _, proof in ahead:
            proof.cancel()
