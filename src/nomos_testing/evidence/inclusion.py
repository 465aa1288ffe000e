"""Transactions and blobs: how many were planned, sent and included over time, and how long their inclusion took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.journal.events import Sample
from nomos_testing.journal.journal import Entry
from nomos_testing.percentiles import Percentiles, percentiles_of
from nomos_testing.runtime.counters import (
    BLOBS_DISPERSED,
    BLOBS_INCLUDED,
    BLOBS_PLANNED,
    TRANSACTIONS_INCLUDED,
    TRANSACTIONS_PLANNED,
    TRANSACTIONS_SENT,
)
from nomos_testing.workloads.blobs.events import BlobIncluded, BlobsFinished, BlobsJudged
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionsFinished, TransactionsJudged


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of items at one moment."""

    at: float
    """The moment, on the journal's clock."""
    planned: int
    """Items that the run is to send."""
    sent: int
    """Items that a node has accepted. For blobs: blobs that are dispersed."""
    included: int
    """Items that are in a block of the canonical chain."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The transactions or the blobs of a run."""

    planned: int
    """Items that the run was to send."""
    sent: int
    """Items that a node accepted. For blobs: blobs that were dispersed."""
    included: int
    """Items on the canonical chain at the end of the run."""
    over_time: tuple[Counts, ...]
    """The numbers at every sample that differs from the one before it."""
    latencies: tuple[float, ...]
    """Seconds from the node's acceptance (the end of the dispersal) to the first sighting of the block, of each
    included item, in the order of the journal."""
    latency: Percentiles | None
    """Percentiles of ``latencies``; None if the run has none."""
    latencies_of_blocks: tuple[tuple[float, ...], ...]
    """The same measurements in groups: one for each block that includes such items."""


class InclusionOf:
    """Collects one kind of items from the entries of a journal."""

    def __init__(self, counters: tuple[str, str, str]) -> None:
        """Make it for the items that three counters count: planned, sent and included."""
        self._counters = counters
        self._over_time: list[Counts] = []
        self._latencies: list[float] = []
        self._of_blocks: dict[str, list[float]] = {}
        self._told: tuple[int, int] | None = None
        self._judged: tuple[int, int, int] | None = None

    def sample(self, at: float, counters: Mapping[str, int]) -> None:
        """Take a sample. One without these items is left out."""
        planned, sent, included = self._counters
        if planned not in counters:
            return
        counts = Counts(at, counters[planned], counters.get(sent, 0), counters.get(included, 0))
        last = self._over_time[-1] if self._over_time else None
        if last is None or (last.planned, last.sent, last.included) != (counts.planned, counts.sent, counts.included):
            self._over_time.append(counts)

    def item(self, block: str, latency: float) -> None:
        """Take an included item."""
        self._latencies.append(latency)
        self._of_blocks.setdefault(block, []).append(latency)

    def finished(self, planned: int, sent: int) -> None:
        """Take the numbers that the workload tells at its end."""
        self._told = (planned, sent)

    def judged(self, planned: int, sent: int, included: int) -> None:
        """Take the numbers of the expectation, which are those of the end of the run."""
        self._judged = (planned, sent, included)

    def result(self) -> Inclusion | None:
        """Return the numbers; None if the run has no such items."""
        last = self._over_time[-1] if self._over_time else None
        if self._judged is not None:
            expected, sent, included = self._judged
            # An expectation of blobs tells how many it expects, which need not be all that were planned.
            planned = self._told[0] if self._told is not None else expected
        elif self._told is not None:
            (planned, sent), included = self._told, last.included if last is not None else 0
        elif last is not None:
            planned, sent, included = last.planned, last.sent, last.included
        else:
            return None
        latencies = tuple(self._latencies)
        grouped = tuple(map(tuple, self._of_blocks.values()))
        return Inclusion(planned, sent, included, tuple(self._over_time), latencies, percentiles_of(latencies), grouped)


_TRANSACTION_COUNTERS: Final = (TRANSACTIONS_PLANNED, TRANSACTIONS_SENT, TRANSACTIONS_INCLUDED)
_BLOB_COUNTERS: Final = (BLOBS_PLANNED, BLOBS_DISPERSED, BLOBS_INCLUDED)


class Inclusions:
    """Collects transactions and blobs from the entries of a journal."""

    def __init__(self) -> None:
        self._transactions = InclusionOf(_TRANSACTION_COUNTERS)
        self._blobs = InclusionOf(_BLOB_COUNTERS)

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        match entry.event:
            case Sample(counters=counters):
                self._transactions.sample(entry.at, counters)
                self._blobs.sample(entry.at, counters)
            case TransactionIncluded(block=block, latency_seconds=latency):
                self._transactions.item(block, latency)
            case BlobIncluded(block=block, latency_seconds=latency):
                self._blobs.item(block, latency)
            case other:
                self._take_end(other)

    @property
    def transactions(self) -> Inclusion | None:
        """The transactions; None if no workload sends any."""
        return self._transactions.result()

    @property
    def blobs(self) -> Inclusion | None:
        """The blobs; None if no workload disperses any."""
        return self._blobs.result()

    def _take_end(self, event: Any) -> None:
        match event:
            case TransactionsFinished():
                self._transactions.finished(event.planned, event.sent)
            case TransactionsJudged():
                self._transactions.judged(event.planned, event.sent, event.included)
            case BlobsFinished():
                self._blobs.finished(event.planned, event.dispersed)
            case BlobsJudged():
                self._blobs.judged(event.expected, event.dispersed, event.included)
