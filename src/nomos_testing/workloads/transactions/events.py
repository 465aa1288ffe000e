"""Events that the transactions workload and its expectation write into the journal. Hashes are in hex."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_testing.journal.events import journal_event


@journal_event("transaction_sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSent:
    """A node accepted a transaction."""

    transaction: str
    """Hash of the transaction."""
    account: str
    """Label of the sending account."""
    node: str
    """Name of the node."""
    signed_seconds: float | None = None
    """Seconds from its signature to the acceptance."""
    submission_seconds: float | None = None
    """Seconds from the first request to a node to the acceptance."""


@journal_event("transactions_finished")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsFinished:
    """The workload of transactions finished or was stopped."""

    planned: int
    """Transactions that were planned."""
    sent: int
    """Transactions that a node accepted."""
    interval_seconds: float
    """Planned seconds between two transactions."""
    furthest_behind_seconds: float
    """The longest delay of a transaction against the schedule, in seconds; a slow prover shows here."""
    lost: int = 0
    """Transactions that were on no canonical chain for so long that their accounts continued without them."""


@journal_event("transaction_included")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionIncluded:
    """A transaction is on the canonical chain at the end of the run."""

    transaction: str
    """Hash of the transaction."""
    block: str
    """Id of the block."""
    height: int
    """Height of the block."""
    slot: int
    """Slot of the block."""
    latency_seconds: float
    """Seconds from the node's acceptance until a node first showed the block."""


@journal_event("transactions_judged")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsJudged:
    """The inclusion of transactions was judged."""

    planned: int
    """Transactions that were planned."""
    sent: int
    """Transactions that a node accepted."""
    included: int
    """Transactions on the canonical chain."""
    latency_p50_seconds: float | None = None
    """Median of ``latency_seconds``."""
    latency_p99_seconds: float | None = None
    """99th percentile of ``latency_seconds``."""
