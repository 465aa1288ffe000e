"""One channel of the data availability workload: an inscription, then blobs, each linked to the message before it.

A channel is a chain of its own: the ledger accepts a message only if its parent is the channel's last message. So a
blob is dispersed once the blob before it is on the canonical chain, and again when that one leaves the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, MsgId
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.proofs.prover import Prover
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.client.errors import NodeClientError
from nomos_testing.client.node_client import NodeClient
from nomos_testing.configgen.options import slot_scale
from nomos_testing.failure import Failure
from nomos_testing.journal.events import Notice
from nomos_testing.runtime.counters import BLOBS_DISPERSED
from nomos_testing.runtime.interfaces import RunContext
from nomos_testing.surroundings import monotonic
from nomos_testing.workloads.blobs.events import BlobDispersed, BlobOverdue, ChannelInscribed
from nomos_testing.workloads.blobs.inclusion import (
    SIGNER,
    ChannelMessage,
    Dispersed,
    channel_messages,
    channel_name,
    channel_of,
    why_not_included,
)
from nomos_testing.workloads.blobs.planning import random_payload
from nomos_testing.workloads.transactions.workload import submit_in_rounds


@dataclass(slots=True)
class ChannelProgress:
    """The progress of one channel in a run."""

    channel: ChannelId
    waits: list[float] = field(default_factory=list)
    """Seconds that each included blob took since the message before it was in a block."""
    waiting_for: Dispersed | None = None
    """The blob that was dispersed last, if it is not in a block yet."""
    left: int = 0
    """How many times the channel's last message left the canonical chain."""
    failures: int = 0
    """Dispersals that an executor refused or did not answer."""
    last_failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    id: MsgId
    message: ChannelMessage
    block: BlockRecord


class CanonicalMessages:
    """The messages of a channel on the canonical chain."""

    def __init__(self, feed: BlockFeed, channel: ChannelId) -> None:
        self._feed = feed
        self._channel = channel
        self._placed: list[_Placed] = []

    @property
    def tip(self) -> MsgId:
        """The id of the last message, which is the next one's parent. ``ROOT_MSG_ID`` if there is none."""
        self._refresh()
        return self._placed[-1].id if self._placed else ROOT_MSG_ID

    @property
    def tip_block(self) -> BlockRecord | None:
        """The block of the last message."""
        self._refresh()
        return self._placed[-1].block if self._placed else None

    @property
    def blobs(self) -> int:
        self._refresh()
        return sum(isinstance(placed.message, ChannelBlob) for placed in self._placed)

    async def tip_after(self, old: MsgId) -> MsgId:
        """Wait until the tip is not ``old``, and return it.

        Raises:
            EOFError: the block feed was closed.
        """
        events = self._feed.subscribe(past=False)
        while (tip := self.tip) == old:
            if await anext(events, None) is None:
                raise EOFError("block feed closed while waiting for channel operations")
        return tip

    def _refresh(self) -> None:
        # Reads only the blocks above a known one, because a run can have thousands of blocks.
        newer: list[_Placed] = []
        for block in self._feed.canonical_blocks_backwards():
            messages = [message for message in channel_messages(block) if channel_of(message) == self._channel]
            if messages and (known := self._up_to(block)):
                self._placed = [*known, *reversed(newer)]
                return
            newer.extend(_Placed(message_id(message), message, block) for message in reversed(messages))
        self._placed = newer[::-1]

    def _up_to(self, block: BlockRecord) -> list[_Placed]:
        """Return the known messages up to those of ``block``, or none if the block has none of them."""
        last = next((n for n in range(len(self._placed), 0, -1) if self._placed[n - 1].block.id == block.id), 0)
        return self._placed[:last]


class DispersalTurns:
    """Lets one channel disperse at a time, ``between`` seconds after the one before. With 0 no channel waits."""

    def __init__(self, between: float) -> None:
        self._between = between
        self._taken = asyncio.Lock()
        self._free_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn and keep it for the block."""
        if not self._between:
            yield
            return
        async with self._taken:
            await asyncio.sleep(max(0.0, self._free_at - monotonic()))
            try:
                yield
            finally:
                self._free_at = monotonic() + self._between


PUBLISH_ROUNDS: Final = 5
PUBLISH_RETRY_SECONDS: Final = 2.0
"""On the reference machine, in slots of a second at least."""
PUBLISH_TIMEOUT_SECONDS: Final = 60.0
"""Longer than the dispersal's own timeout with its retries. On the reference machine."""
OVERDUE_SLOTS: Final = 15
"""A blob takes two to five slots, see ``planning``."""


class DispersalFailed(Failure):
    """No executor has dispersed a blob."""


def inscription(channel: ChannelId, prover: Prover) -> SignedMantleTx:
    """Make the transaction that opens a channel."""
    text = f"Test channel inscription {channel.hex()}".encode()
    operation = ChannelInscribe(channel, text, ROOT_MSG_ID, SIGNER.public)
    return sign_transaction(MantleTx((operation,)), operation_signers=(Ed25519Signer(SIGNER),), prover=prover)


class ChannelFlow:
    """Inscribes a channel and fills it with ``blobs`` blobs. Appends to ``dispersed`` and ``overdue`` meanwhile."""

    def __init__(
        self,
        ctx: RunContext,
        progress: ChannelProgress,
        turns: DispersalTurns,
        *,
        blobs: int,
        dispersed: list[Dispersed],
        overdue: list[Dispersed],
    ) -> None:
        self._ctx = ctx
        self._progress = progress
        self._turns = turns
        self._channel = progress.channel
        self._name = channel_name(progress.channel)
        self._blobs = blobs
        self._dispersed = dispersed
        self._overdue = overdue
        self._messages = CanonicalMessages(ctx.block_feed(), progress.channel)
        self._random: dict[int, Random] = {}

    async def run(self) -> None:
        """Inscribe the channel and fill it.

        Raises:
            DispersalFailed: no executor dispersed a blob.
            NodeClientError: no node took the inscription.
            EOFError: the block feed was closed.
        """
        await self._inscribe()
        while (number := self._messages.blobs) < self._blobs:
            if (parent := self._messages.tip) == ROOT_MSG_ID:
                await self._wait_for_inscription()
            else:
                await self._add_blob(parent, number)

    async def _inscribe(self) -> None:
        transaction = await asyncio.to_thread(inscription, self._channel, self._ctx.prover())
        started = monotonic()
        await submit_in_rounds(self._ctx, transaction)
        await self._messages.tip_after(ROOT_MSG_ID)
        seconds = round(monotonic() - started, 3)
        # The inscription may have left the chain already. Then the flow waits for the next one.
        if (block := self._messages.tip_block) is not None:
            event = ChannelInscribed(channel=self._channel.hex(), block=block.id.hex(), seconds=seconds)
            self._ctx.journal().write(event)

    async def _wait_for_inscription(self) -> None:
        """Wait for an inscription that left the canonical chain to come back. If it does not, inscribe again."""
        try:
            async with asyncio.timeout(self._overdue_after()):
                await self._messages.tip_after(ROOT_MSG_ID)
        except TimeoutError:
            await self._inscribe()

    async def _add_blob(self, parent: MsgId, number: int) -> None:
        """Disperse blobs after ``parent`` until one is in a block, or until ``parent`` has left the canonical chain."""
        started = monotonic()
        change = asyncio.create_task(self._messages.tip_after(parent))
        try:
            while not change.done():
                blob = self._progress.waiting_for = await self._disperse(parent, number)
                await asyncio.wait([change], timeout=self._overdue_after())
                if not change.done():
                    await self._report_overdue(blob)
            await change
        finally:
            change.cancel()
            await asyncio.gather(change, return_exceptions=True)
        if self._messages.blobs > number:
            self._progress.waits.append(monotonic() - started)
            self._progress.waiting_for = None
        else:
            self._progress.left += 1

    async def _disperse(self, parent: MsgId, number: int) -> Dispersed:
        # The payload depends only on the seed, the channel and the number, not on earlier attempts.
        random = self._random.setdefault(number, self._ctx.random(f"blob {number} of {self._name}"))
        data = random_payload(random)
        executors = list(self._ctx.node_clients().executors())
        failure: NodeClientError | None = None
        for attempt in range(PUBLISH_ROUNDS):
            if attempt:
                await asyncio.sleep(self._retry_seconds())
            for executor in random.sample(executors, len(executors)):
                try:
                    return await self._publish(executor, parent, data)
                except NodeClientError as error:
                    failure = error
                    self._progress.failures += 1
                    self._progress.last_failure = str(error)
        what = f"blob {number} of {self._name} ({len(data)} bytes) was not dispersed in {PUBLISH_ROUNDS} rounds"
        raise DispersalFailed(f"{what}: {failure}") from failure

    async def _publish(self, executor: NodeClient, parent: MsgId, data: bytes) -> Dispersed:
        async with self._turns.turn():
            started = monotonic()
            blob = await executor.publish_blob(
                channel_id=self._channel,
                parent=parent,
                signer=SIGNER.public,
                data=data,
                timeout=self._ctx.patience().seconds(PUBLISH_TIMEOUT_SECONDS),
            )
        dispersed = Dispersed(blob, self._channel, data, executor.name, monotonic(), parent)
        self._dispersed.append(dispersed)
        self._ctx.counters().add(BLOBS_DISPERSED)
        self._ctx.journal().write(
            BlobDispersed(
                blob=blob.hex(),
                channel=self._channel.hex(),
                size=len(data),
                node=executor.name,
                seconds=round(dispersed.at - started, 3),
            )
        )
        return dispersed

    async def _report_overdue(self, blob: Dispersed) -> None:
        reason = await why_not_included(self._ctx, blob.blob)
        seconds = monotonic() - blob.at
        self._overdue.append(blob)
        journal = self._ctx.journal()
        journal.write(
            BlobOverdue(
                blob=blob.blob.hex(),
                channel=self._channel.hex(),
                node=blob.executor,
                seconds=round(seconds, 3),
                reason=reason,
            )
        )
        journal.write(Notice(f"{blob} is in no block after {seconds:.0f} s: {reason}", "warning"))

    def _overdue_after(self) -> float:
        return self._ctx.patience().slots(OVERDUE_SLOTS)

    def _retry_seconds(self) -> float:
        slot = self._ctx.run_metrics().slot_duration
        return self._ctx.patience().seconds(PUBLISH_RETRY_SECONDS * (1.0 if slot is None else slot_scale(slot)))
