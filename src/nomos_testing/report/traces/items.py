"""Spans of what went through the network: transactions, blobs and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nomos_testing.evidence.propagation import Block, Propagation
from nomos_testing.journal.journal import Entry
from nomos_testing.report.traces.span_tree import Attributes, SpanTree, links_to
from nomos_testing.workloads.blobs.events import (
    BlobDispersed,
    BlobIncluded,
    BlobOverdue,
    BlobsJudged,
    BlobVerified,
)
from nomos_testing.workloads.transactions.events import TransactionIncluded, TransactionSent, TransactionsJudged


def add_transactions(tree: SpanTree, root: bytes, entries: Sequence[Entry]) -> None:
    """Add a span of each transaction, from its signature to its inclusion."""
    sent: list[tuple[float, TransactionSent]] = []
    included: dict[str, TransactionIncluded] = {}
    judged = False
    for entry in entries:
        match entry.event:
            case TransactionSent() as event:
                sent.append((entry.at, event))
            case TransactionIncluded() as event:
                included[event.transaction] = event
            case TransactionsJudged():
                judged = True
    if not sent:
        return
    lives = [_TransactionLife(at, event, included.get(event.transaction)) for at, event in sent]
    group = tree.add("transactions", min(life.signed for life in lives), max(life.ended for life in lives), root)
    for life in lives:
        life.add_to(tree, group, judged=judged)


@dataclass(frozen=True, slots=True)
class _TransactionLife:
    accepted: float
    sent: TransactionSent
    included: TransactionIncluded | None

    @property
    def signed(self) -> float:
        return self.accepted - (self.sent.signed_seconds or self.sent.submission_seconds or 0.0)

    @property
    def ended(self) -> float:
        return self.accepted + (self.included.latency_seconds if self.included is not None else 0.0)

    def add_to(self, tree: SpanTree, group: bytes, *, judged: bool) -> None:
        attributes: Attributes = {
            "transaction": self.sent.transaction,
            "account": self.sent.account,
            "node": self.sent.node,
            "block": self.included.block if self.included is not None else None,
            "height": self.included.height if self.included is not None else None,
        }
        error = "no block of the canonical chain has it" if judged and self.included is None else None
        span = tree.add("transaction", self.signed, self.ended, group, attributes=attributes, error=error)
        submitted = self.accepted - (self.sent.submission_seconds or 0.0)
        if submitted > self.signed:
            tree.add("wait for its turn", self.signed, submitted, span)
        if submitted < self.accepted:
            tree.add("submission", submitted, self.accepted, span)
        if self.included is not None:
            tree.add("inclusion", self.accepted, self.ended, span, links=links_to(self.included.block))


@dataclass(slots=True)
class _BlobLife:
    dispersed_at: float
    dispersed: BlobDispersed
    included: BlobIncluded | None = None
    overdue: BlobOverdue | None = None
    moments: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    @property
    def began(self) -> float:
        return self.dispersed_at - self.dispersed.seconds

    @property
    def ended(self) -> float:
        if self.included is not None:
            return self.dispersed_at + self.included.latency_seconds
        return self.dispersed_at + (self.overdue.seconds if self.overdue is not None else 0.0)

    def error(self, *, judged: bool) -> str | None:
        if self.included is not None:
            return None
        if self.overdue is not None:
            return f"no block had it in time: {self.overdue.reason}"
        return "no block of the canonical chain has it" if judged else None


def add_blobs(tree: SpanTree, root: bytes, entries: Sequence[Entry]) -> None:
    """Add a span of each blob, from the beginning of its dispersal to its inclusion."""
    lives: dict[str, _BlobLife] = {}
    judged = False
    for entry in entries:
        match entry.event:
            case BlobDispersed() as event:
                lives[event.blob] = _BlobLife(entry.at, event)
            case BlobIncluded(blob=blob) as event if blob in lives:
                lives[blob].included = event
            case BlobOverdue(blob=blob) as event if blob in lives:
                lives[blob].overdue = event
            case BlobVerified(blob=blob) as event if blob in lives:
                values = {"sources": event.sources, "problem": event.problem}
                lives[blob].moments.append((entry.at, "verified", values))
            case BlobsJudged():
                judged = True
    if not lives:
        return
    found = lives.values()
    group = tree.add("blobs", min(life.began for life in found), max(life.ended for life in found), root)
    for life in found:
        _add_blob(tree, group, life, judged=judged)


def _add_blob(tree: SpanTree, group: bytes, life: _BlobLife, *, judged: bool) -> None:
    event, included = life.dispersed, life.included
    attributes: Attributes = {
        "blob": event.blob,
        "channel": event.channel,
        "bytes": event.size,
        "node": event.node,
        "block": included.block if included is not None else None,
    }
    error = life.error(judged=judged)
    span = tree.add("blob", life.began, life.ended, group, attributes=attributes, moments=life.moments, error=error)
    tree.add("dispersal", life.began, life.dispersed_at, span, links=links_to(event.blob))
    if included is not None:
        tree.add("inclusion", life.dispersed_at, life.ended, span, links=links_to(included.block))


def add_blocks(tree: SpanTree, root: bytes, entries: Sequence[Entry]) -> None:
    """Add a span of each block, from its first sighting on any node to its arrival at the last one.

    Journals without ``tip_changed`` tell only the first sighting.
    """
    propagation = Propagation()
    for entry in entries:
        propagation.take(entry)
    blocks = propagation.blocks.values()
    if not blocks:
        return
    arrivals: dict[str, dict[str, float]] = {block.id: {} for block in blocks}
    for node, arrived in propagation.arrivals.items():
        for block_id, at in arrived.items():
            arrivals[block_id][node] = at
    last = max(_last(block, arrivals[block.id]) for block in blocks)
    group = tree.add("blocks", min(block.first_seen for block in blocks), last, root)
    for block in blocks:
        _add_block(tree, group, block, arrivals[block.id])


def _last(block: Block, arrivals: dict[str, float]) -> float:
    return max([block.first_seen, *arrivals.values()])


def _add_block(tree: SpanTree, group: bytes, block: Block, arrivals: dict[str, float]) -> None:
    attributes: Attributes = {
        "block": block.id,
        "parent": block.parent,
        "slot": block.slot,
        "height": block.height,
        "transactions": block.transactions,
        "first_node": block.first_node,
    }
    tree.add(
        "block",
        block.first_seen,
        _last(block, arrivals),
        group,
        attributes=attributes,
        moments=[(at, f"reached {node}", {}) for node, at in sorted(arrivals.items(), key=lambda item: item[1])],
        links=links_to(block.id),
    )
