"""What the transactions workload writes into the journal. Hashes are the protocol's hex."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("transaction_sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSent:
    """A node took a transaction."""

    transaction: str
    account: str
    node: str


@journal_event("transactions_finished")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsFinished:
    """The workload ended, or was stopped."""

    planned: int
    sent: int
    interval_seconds: float
    furthest_behind_seconds: float
    """How late the latest submission was against the schedule: a slow prover shows here."""
    lost: int = 0
    """Transactions that were on no canonical chain for so long that their accounts went on without them."""


@journal_event("transaction_included")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionIncluded:
    """A transaction is on the canonical chain at the end of the run."""

    transaction: str
    block: str
    height: int
    slot: int
    latency_seconds: float
    """From the node's acceptance to the first sighting of the block."""


@journal_event("transactions_judged")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsJudged:
    planned: int
    sent: int
    included: int
    latency_p50_seconds: float | None = None
    latency_p99_seconds: float | None = None
