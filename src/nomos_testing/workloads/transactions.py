"""The transactions workload: each account sends its genesis note to itself, once, at a steady rate.

Proving runs ahead of sending in threads, and each submission is a task of its own: neither a slow prover nor a slow
node moves the schedule of the others. Where proofs come too late the rate sinks and the run says by how much.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nomos_core import field
from nomos_core.mantle.notes import Utxo, utxos_of
from nomos_core.mantle.signing import sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, SignedMantleTx
from nomos_core.proofs.prover import Prover
from nomos_testing.expectations.transaction_inclusion import TransactionInclusion
from nomos_testing.runtime.counters import TRANSACTIONS_PLANNED, TRANSACTIONS_SENT
from nomos_testing.runtime.interfaces import Expectation, RunContext, RunPlan
from nomos_testing.runtime.journal_events import Notice
from nomos_testing.topology import GeneratedTopology, WalletAccount
from nomos_testing.workloads.inclusion import Sent
from nomos_testing.workloads.sending import submit_in_rounds
from nomos_testing.workloads.submission import SubmissionPlan, submission_plan
from nomos_testing.workloads.transaction_events import TransactionSent, TransactionsFinished

PROOFS_AHEAD: Final = 8


@dataclass(frozen=True, slots=True)
class FundedAccount:
    """An account and the genesis note it may spend."""

    account: WalletAccount
    note: Utxo


def funded_accounts(topology: GeneratedTopology) -> list[FundedAccount]:
    """The accounts that own a genesis note, in the order of the accounts."""
    by_owner = {utxo.note.public_key: utxo for utxo in utxos_of(topology.genesis_tx.mantle_tx.ledger_tx)}
    return [
        FundedAccount(account, by_owner[account.public_key])
        for account in topology.wallet_accounts
        if account.public_key in by_owner
    ]


def self_transfer(source: FundedAccount, prover: Prover) -> SignedMantleTx:
    """One input, one output of the same value to the same key, no operations, no fees."""
    transaction = MantleTx(ledger_tx=LedgerTx(inputs=(source.note.id,), outputs=(source.note.note,)))
    return sign_transaction(transaction, operation_signers=(), ledger_keys=(source.account.secret_key,), prover=prover)


class TransactionWorkload:
    """``rate`` transactions a block from at most ``users`` accounts, one transaction an account."""

    name: Final = "tx_workload"

    def __init__(self, *, rate: int = 1, users: int | None = None) -> None:
        if rate < 1:
            raise ValueError("transaction rate must be non-zero")
        if users is not None and users < 1:
            raise ValueError("transaction user count must be non-zero")
        self._rate = rate
        self._users = users
        self._submissions: SubmissionPlan | None = None
        self._sent: list[Sent] = []
        self._furthest_behind = 0.0

    @property
    def planned(self) -> int:
        """Transactions a run sends; 0 before ``prepare``."""
        return self._submissions.planned if self._submissions else 0

    @property
    def sent(self) -> Sequence[Sent]:
        """What nodes have taken so far in this run, in the order they took it."""
        return self._sent

    def file_section(self) -> Mapping[str, Any]:
        """The same in a scenario file."""
        users = {} if self._users is None else {"users": self._users}
        return {"transactions": {"rate": self._rate, **users}}

    def expectations(self) -> Sequence[Expectation]:
        return (TransactionInclusion(self),)

    def prepare(self, plan: RunPlan) -> None:
        accounts = plan.topology.wallet.users if plan.topology.wallet else 0
        if not accounts:
            raise ValueError("transaction workload requires seeded accounts")
        usable = accounts if self._users is None else min(accounts, self._users)
        self._submissions = submission_plan(plan.metrics, rate=self._rate, accounts=usable)

    async def run(self, ctx: RunContext) -> None:
        """Send the planned transactions.

        Raises:
            NodeClientError: no node took a transaction in any of five rounds.
            ValueError: genesis funds none of the accounts.
        """
        assert self._submissions is not None, "prepare comes first"
        sources = funded_accounts(ctx.descriptors())[: self.planned]
        if not sources:
            raise ValueError("transaction workload could not match any accounts to genesis UTXOs")
        self._sent, self._furthest_behind = [], 0.0
        ctx.counters().set(TRANSACTIONS_PLANNED, len(sources))
        try:
            await self._send_all(ctx, sources, self._submissions.interval)
        finally:
            self._report(ctx, len(sources), self._submissions.interval)

    async def _send_all(self, ctx: RunContext, sources: Sequence[FundedAccount], interval: float) -> None:
        start = time.monotonic()
        async with asyncio.TaskGroup() as submissions:
            position = 0
            async for source, transaction in _signed_ahead(sources, ctx.prover()):
                behind = time.monotonic() - (start + position * interval)
                self._furthest_behind = max(self._furthest_behind, behind)
                await asyncio.sleep(max(0.0, -behind))
                submissions.create_task(self._submit(ctx, source, transaction))
                position += 1

    async def _submit(self, ctx: RunContext, source: FundedAccount, transaction: SignedMantleTx) -> None:
        client = await submit_in_rounds(ctx, transaction)
        sent = Sent(transaction.hash, source.account.label, client.name, time.monotonic())
        self._sent.append(sent)
        ctx.counters().add(TRANSACTIONS_SENT)
        ctx.journal().write(
            TransactionSent(transaction=field.to_hex(sent.tx_hash), account=sent.account, node=sent.node)
        )

    def _report(self, ctx: RunContext, planned: int, interval: float) -> None:
        behind = self._furthest_behind
        ctx.journal().write(
            TransactionsFinished(
                planned=planned,
                sent=len(self._sent),
                interval_seconds=interval,
                furthest_behind_seconds=max(0.0, behind),
            )
        )
        if behind > interval:
            text = f"transactions were sent up to {behind:.1f} s late: proofs come slower than one in {interval:.2f} s"
            ctx.journal().write(Notice(text, "warning"))


async def _signed_ahead(
    sources: Sequence[FundedAccount], prover: Prover
) -> AsyncIterator[tuple[FundedAccount, SignedMantleTx]]:
    """Sign in threads, a few transactions ahead of the one that is handed out; keeps the order."""
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
