"""Inclusion of channels and blobs: 80 % of the channels and 55 % of the blobs reach the canonical chain.

The expected number of blobs is the workload's rate times the blocks of the run, at most what the channels can carry.

The check uses only what was sent and the blocks. It does not use what a node reports about its sampling. A node
proposes a blob, or accepts a block with it, only after it has sampled the blob. So a blob stays off the chain if all
holders of one of its columns are gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from nomos_core.identifiers import ROOT_MSG_ID, BlobId, ChannelId, MsgId, TxHash
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.transactions import MantleTx
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.percentiles import Percentiles, percentiles_of
from nomos_testing.runtime.counters import BLOBS_INCLUDED
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.runtime.specifications import Specification
from nomos_testing.surroundings import monotonic
from nomos_testing.workloads.blobs.events import BlobIncluded, BlobsJudged
from nomos_testing.workloads.blobs.planning import expected_blobs, required_blobs, required_inscriptions

if TYPE_CHECKING:
    from nomos_testing.workloads.blobs.channels import ChannelProgress

SIGNER: Final = Ed25519Key(bytes(32))
"""Executors sign with this key, whatever key the request names."""
ChannelMessage = ChannelInscribe | ChannelBlob


@dataclass(frozen=True, slots=True)
class Dispersed:
    """A blob of which an executor reports that nodes hold all columns."""

    blob: BlobId
    channel: ChannelId
    data: bytes
    executor: str
    at: float
    """Seconds of the run's monotonic clock."""
    parent: MsgId = ROOT_MSG_ID
    """The id of the message before it in its channel."""

    def __str__(self) -> str:
        return f"blob {self.blob.hex()} ({len(self.data)} bytes, {channel_name(self.channel)}, from {self.executor})"


@dataclass(frozen=True, slots=True)
class Included:
    """A dispersed blob and the block that has it."""

    dispersed: Dispersed
    block: BlockRecord

    @property
    def latency(self) -> float:
        """Seconds from the end of the dispersal to the block's first sighting."""
        return max(0.0, self.block.first_seen - self.dispersed.at)


@dataclass(frozen=True, slots=True)
class BlobReport:
    """The channels and blobs of a run on one chain of blocks."""

    inscribed: frozenset[ChannelId]
    blobs_by_channel: Mapping[ChannelId, int]
    """Counts every blob of the channels on the chain, also one whose dispersal was reported as failed."""
    included: tuple[Included, ...]
    missing: tuple[Dispersed, ...]

    @property
    def blobs(self) -> int:
        return sum(self.blobs_by_channel.values())

    @property
    def channels_with_blobs(self) -> frozenset[ChannelId]:
        return frozenset(channel for channel, count in self.blobs_by_channel.items() if count)

    def latency(self) -> Percentiles | None:
        """Return the percentiles of the latencies in seconds; None without included blobs."""
        return percentiles_of(included.latency for included in self.included)


def channel_name(channel: ChannelId) -> str:
    """Return ``channel 0``: the number is the channel's index in the run."""
    return f"channel {int.from_bytes(channel[-8:], 'big')}"


def report_blobs(
    channels: Sequence[ChannelId], dispersed: Iterable[Dispersed], chain: Iterable[BlockRecord]
) -> BlobReport:
    """Match a run's channels and blobs against one chain of blocks."""
    pending = {item.blob: item for item in dispersed}
    inscribed: set[ChannelId] = set()
    counts = dict.fromkeys(channels, 0)
    included = []
    for block in chain:
        for message in channel_messages(block):
            if channel_of(message) not in counts:
                continue
            if isinstance(message, ChannelInscribe):
                inscribed.add(message.channel_id)
                continue
            counts[message.channel] += 1
            if (found := pending.pop(message.blob, None)) is not None:
                included.append(Included(found, block))
    return BlobReport(frozenset(inscribed), counts, tuple(included), tuple(pending.values()))


def blob_transaction(blob: Dispersed, seen: Iterable[BlockRecord]) -> MantleTx:
    """Rebuild the transaction that an executor made for a blob, with the prices of another blob that is in a block."""
    message = ChannelBlob(blob.channel, 0, blob.blob, len(blob.data), 0, blob.parent, SIGNER.public)
    for record in seen:
        for transaction in record.block.transactions:
            match transaction.mantle_tx.operations:
                case (ChannelBlob() as like,):
                    message = replace(message, session=like.session, da_storage_gas_price=like.da_storage_gas_price)
                    return replace(transaction.mantle_tx, operations=(message,))
    return MantleTx((message,))


def place_taken(blob: Dispersed, chain: Iterable[BlockRecord]) -> str | None:
    """Return why a chain cannot accept a blob any more, or None if it can."""
    parent_is_there = blob.parent == ROOT_MSG_ID
    for block in chain:
        for message in channel_messages(block):
            if channel_of(message) != blob.channel:
                continue
            if isinstance(message, ChannelBlob) and message.parent == blob.parent:
                return f"blob {message.blob.hex()} took its place in the channel"
            parent_is_there = parent_is_there or message_id(message) == blob.parent
    return (
        None if parent_is_there else "the message before it is not on the canonical chain, so that no block can take it"
    )


def channel_messages(block: BlockRecord) -> Iterator[ChannelMessage]:
    for transaction in block.block.transactions:
        for operation in transaction.mantle_tx.operations:
            if isinstance(operation, ChannelMessage):
                yield operation


def channel_of(message: ChannelMessage) -> ChannelId:
    return message.channel_id if isinstance(message, ChannelInscribe) else message.channel


REQUEST_SECONDS: Final = 2.0
"""On the reference machine."""
_COLUMNS_SHOWN: Final = 4
_STATES: Final = {"Pending": "in the mempool", "Unknown": "unknown", "InBlock": "in a block", "Rejected": "rejected"}
_SESSION: Final = 0
"""The session of the genesis declarations. Runs end long before the next session."""


async def why_not_included(ctx: RunContext, blob: BlobId) -> str:
    """Return a clause about the columns that no node serves, and about the holders of these columns."""
    columns = range(ctx.descriptors().spec.da.num_subnets)
    holders = await _holders(ctx)
    lost = [
        (column, reasons)
        for column in columns
        if (reasons := await _not_served(ctx, blob, column, holders.get(column, ctx.cluster().nodes)))
    ]
    if not lost:
        held = "its column is" if len(columns) == 1 else f"all {len(columns)} columns are"
        return f"{held} held, but no node has put it into a block"
    shown = "; ".join(f"column {column} is served by none: {', '.join(why)}" for column, why in lost[:_COLUMNS_SHOWN])
    return f"{shown}; and {len(lost) - _COLUMNS_SHOWN} more columns" if len(lost) > _COLUMNS_SHOWN else shown


async def what_is_known(ctx: RunContext, blob: Dispersed) -> str:
    """Return everything that nodes and blocks show about a blob that is in no canonical block, in clauses."""
    columns, transaction = await asyncio.gather(why_not_included(ctx, blob.blob), _transaction_states(ctx, blob))
    feed = ctx.block_feed()
    canonical = feed.canonical_chain()
    on_chain = {block.id for block in canonical}
    abandoned = [
        f"it was in block {block.id.hex()} (height {block.height}, slot {block.slot}) of an abandoned branch"
        for block in feed.records()
        if block.id not in on_chain and _holds(block, blob.blob)
    ]
    place = place_taken(blob, canonical)
    return "; ".join([columns, *([place] if place else []), *abandoned, transaction])


def _holds(block: BlockRecord, blob: BlobId) -> bool:
    return any(isinstance(message, ChannelBlob) and message.blob == blob for message in channel_messages(block))


async def _transaction_states(ctx: RunContext, blob: Dispersed) -> str:
    """Return a clause about the state of the blob's transaction on each node."""
    wanted = blob_transaction(blob, ctx.block_feed().records()).hash
    nodes = ctx.cluster().nodes
    answers = await asyncio.gather(*(_transaction_state(node, wanted) for node in nodes))
    by_state: dict[str | None, list[str]] = {}
    for node, state in zip(nodes, answers, strict=True):
        by_state.setdefault(state, []).append(node.name)
    silent = by_state.pop(None, [])
    states = ", ".join(f"{state} on {' and '.join(names)}" for state, names in by_state.items())
    no_answer = f" (no answer from {' and '.join(silent)})" if silent else ""
    return f"its transaction is {states or 'on no node that answers'}{no_answer}"


async def _transaction_state(node: NodeHandle, wanted: TxHash) -> str | None:
    try:
        (status,) = await node.client.transaction_status([wanted])
    except NodeClientError:
        return None
    return _STATES.get(status.state, status.state)


async def _holders(ctx: RunContext) -> Mapping[int, Sequence[NodeHandle]]:
    """Return the nodes of each subnetwork. Empty if no node answers."""
    by_peer = {node.identity.peer_id: node.name for node in ctx.descriptors().nodes}
    handles = {node.name: node for node in ctx.cluster().nodes}
    for node in ctx.cluster().nodes:
        try:
            membership = await node.client.da_get_membership(_SESSION)
        except NodeClientError:
            continue
        named = {column: [by_peer.get(peer) for peer in peers] for column, peers in membership.assignations.items()}
        return {column: [handles[name] for name in names if name in handles] for column, names in named.items()}
    return {}


async def _not_served(ctx: RunContext, blob: BlobId, column: int, holders: Sequence[NodeHandle]) -> list[str]:
    """Return why each holder does not serve the column. Empty if one holder serves it."""
    seconds = ctx.patience().seconds(REQUEST_SECONDS)
    answers = await asyncio.gather(*(_look(node, blob, column, seconds) for node in holders))
    reasons = [answer for answer in answers if answer is not None]
    return reasons if len(reasons) == len(answers) else []


async def _look(node: NodeHandle, blob: BlobId, column: int, seconds: float) -> str | None:
    try:
        share = await node.client.da_share(blob, column, timeout=seconds)
    except NodeClientError as error:
        return f"{node.name} does not answer ({error.reason})"
    return f"{node.name} has no share of it" if share is None else None


_CHANNELS_SHOWN: Final = 4


class Disperser(Protocol):
    """A running workload whose blobs are counted."""

    @property
    def blob_rate(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def channels(self) -> Sequence[ChannelId]: ...
    @property
    def dispersed(self) -> Sequence[Dispersed]: ...
    @property
    def overdue(self) -> Sequence[Dispersed]: ...
    @property
    def planned(self) -> int: ...
    @property
    def progress(self) -> Sequence[ChannelProgress]: ...


def why_not_more(disperser: Disperser, report: BlobReport, started: float) -> Iterator[str]:
    """Explain in sentences why a run has no more blobs. ``started`` is the monotonic time of its start."""
    channels = disperser.progress
    yield f"{disperser.planned} were planned, {len(disperser.dispersed)} dispersed, {report.blobs} are in blocks"
    waits = [seconds for channel in channels for seconds in channel.waits]
    if waits:
        yield (
            f"a channel disperses a blob once the one before it is in a block: that took {fmean(waits):.1f} s a blob "
            f"on average, {max(waits):.1f} s at most"
        )
    yield from _shown([_waiting(channel, waiting, started) for channel in channels if (waiting := channel.waiting_for)])
    without = [channel for channel in channels if channel.channel not in report.inscribed]
    yield from _shown([f"{channel_name(channel.channel)} is not inscribed" for channel in without])
    if failures := [channel for channel in channels if channel.failures]:
        count = sum(channel.failures for channel in failures)
        last = failures[-1]
        yield (
            f"{count} dispersal{'s' * (count != 1)} failed, the last one of {channel_name(last.channel)} with: "
            f"{last.last_failure}"
        )
    if left := sum(channel.left for channel in channels):
        yield f"the chain left the last message of a channel {left} time{'s' * (left != 1)}"


def _waiting(channel: ChannelProgress, blob: Dispersed, started: float) -> str:
    return f"{channel_name(channel.channel)} waits for blob {blob.blob.hex()} since second {blob.at - started:.1f}"


def _shown(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_CHANNELS_SHOWN]
    if (hidden := len(lines) - _CHANNELS_SHOWN) > 0:
        yield f"... and {hidden} more channel{'s' * (hidden != 1)}"


_MISSING_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class BlobInclusion:
    """80 % of a workload's channels and 55 % of its blobs are on the canonical chain at the end."""

    name: ClassVar[str] = "da_workload_inclusions"
    disperser: Specification[Disperser]

    def prepare(self, plan: RunPlan) -> None:
        """Do nothing: the workload checks everything."""

    def begin(self, ctx: RunContext) -> RunningBlobInclusion:
        return RunningBlobInclusion(self.name, ctx.running(self.disperser))


class RunningBlobInclusion:
    """Counts the messages of one run's channels on the canonical chain, each once."""

    def __init__(self, name: str, disperser: Disperser) -> None:
        self.name = name
        self._disperser = disperser
        self._captured: float | None = None

    async def capture(self, ctx: RunContext) -> None:
        self._captured = monotonic()
        ctx.spawn(self._follow(ctx), name="count included blobs")

    async def evaluate(self, ctx: RunContext) -> Observation:
        report = self._report(ctx)
        expected = self._expected(ctx)
        observed = {"channels": len(report.inscribed), "blobs": report.blobs}
        required = {
            "channels": required_inscriptions(len(self._disperser.channels)),
            "blobs": required_blobs(expected),
        }
        ctx.counters().set(BLOBS_INCLUDED, report.blobs)
        _journal(ctx, report, expected, required["blobs"])
        shortfall = self._missing_inscriptions(report, required["channels"]) or self._missing_blobs(
            report, expected, required["blobs"]
        )
        if shortfall:
            message = "\n  ".join([shortfall, *why_not_more(self._disperser, report, self._started())])
            evidence = await self._evidence(ctx, report)
            raise ExpectationFailed(message, observed=observed, required=required, evidence=evidence)
        return Observation(observed=observed, required=required)

    async def _follow(self, ctx: RunContext) -> None:
        async for _ in ctx.block_feed().blocks():
            ctx.counters().set(BLOBS_INCLUDED, self._report(ctx).blobs)

    def _report(self, ctx: RunContext) -> BlobReport:
        return report_blobs(self._disperser.channels, self._disperser.dispersed, ctx.block_feed().canonical_chain())

    def _expected(self, ctx: RunContext) -> int:
        start = self._started()
        end = start + ctx.run_duration()
        in_run = [block for block in ctx.block_feed().canonical_chain() if start <= block.first_seen < end]
        return expected_blobs(
            self._disperser.blob_rate,
            observed_blocks=len(in_run),
            expected_blocks=ctx.expected_blocks(),
            capacity=self._disperser.capacity,
        )

    def _started(self) -> float:
        if self._captured is None:
            raise ExpectationFailed("da workload expectation not started")
        return self._captured

    async def _evidence(self, ctx: RunContext, report: BlobReport) -> list[str]:
        """Return one line for each missing blob."""
        shown = report.missing[:_MISSING_SHOWN]
        known = await asyncio.gather(*(what_is_known(ctx, missing) for missing in shown))
        overdue = {blob.blob for blob in self._disperser.overdue}
        lines = [
            f"{missing} is in no canonical block: {text}; it was dispersed at second {missing.at - self._started():.1f}"
            f"{' and was reported overdue' if missing.blob in overdue else ''}"
            for missing, text in zip(shown, known, strict=True)
        ]
        hidden = len(report.missing) - len(shown)
        return [*lines, f"... and {hidden} more"] if hidden else lines

    def _missing_inscriptions(self, report: BlobReport, required: int) -> str | None:
        if len(report.inscribed) >= required:
            return None
        counted = f"observed={len(report.inscribed)}/{len(self._disperser.channels)} required={required}"
        return f"missing inscriptions: {counted} missing={self._without(report.inscribed)}"

    def _missing_blobs(self, report: BlobReport, expected: int, required: int) -> str | None:
        if report.blobs >= required:
            return None
        filled = report.channels_with_blobs
        return (
            f"missing blobs: observed_total_blobs={report.blobs} expected_total_blobs={expected} "
            f"required_blobs={required} channels_with_blobs={len(filled)}/{len(self._disperser.channels)} "
            f"missing_channels={self._without(filled)}"
        )

    def _without(self, found: frozenset[ChannelId]) -> str:
        return f"[{', '.join(channel.hex() for channel in self._disperser.channels if channel not in found)}]"


def _journal(ctx: RunContext, report: BlobReport, expected: int, required: int) -> None:
    for included in report.included:
        ctx.journal().write(
            BlobIncluded(
                blob=included.dispersed.blob.hex(),
                channel=included.dispersed.channel.hex(),
                block=included.block.id.hex(),
                height=included.block.height,
                slot=included.block.slot,
                latency_seconds=round(included.latency, 3),
            )
        )
    latency = report.latency()
    ctx.journal().write(
        BlobsJudged(
            channels=len(report.blobs_by_channel),
            inscribed=len(report.inscribed),
            dispersed=len(report.included) + len(report.missing),
            included=report.blobs,
            expected=expected,
            required=required,
            latency_p50_seconds=latency.p50 if latency is not None else None,
            latency_p99_seconds=latency.p99 if latency is not None else None,
        )
    )
