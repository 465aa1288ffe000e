"""One channel of the data availability workload: an inscription, then blobs, each linked to the message before it.

A channel is a chain of its own: the ledger takes a message only where its parent is the channel's last one, so that a
blob is dispersed when the one before it is in a block.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, MsgId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.signing import Ed25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx, SignedMantleTx
from nomos_core.proofs.prover import Prover
from nomos_testing.client.errors import NodeClientError
from nomos_testing.client.node_client import NodeClient
from nomos_testing.failure import Failure
from nomos_testing.runtime.chain_history import BlockRecord
from nomos_testing.runtime.counters import BLOBS_DISPERSED
from nomos_testing.runtime.interfaces import RunContext
from nomos_testing.runtime.journal_events import Notice
from nomos_testing.workloads.blob_diagnosis import why_not_included
from nomos_testing.workloads.blob_events import BlobDispersed, BlobOverdue, ChannelInscribed
from nomos_testing.workloads.blob_planning import random_payload
from nomos_testing.workloads.dispersed_blobs import (
    ChannelMessage,
    Dispersed,
    channel_messages,
    channel_name,
    channel_tip,
)
from nomos_testing.workloads.sending import submit_in_rounds

SIGNER: Final = Ed25519Key(bytes(32))
"""Executors sign with this key whatever key they are given."""
PUBLISH_ROUNDS: Final = 5
PUBLISH_RETRY_SECONDS: Final = 2.0
PUBLISH_TIMEOUT_SECONDS: Final = 60.0
"""More than the dispersal's own timeout and retries."""
OVERDUE_SLOTS: Final = 15
"""A blob takes about five: sampling begins 5 s after its transaction was seen, then the next block takes it."""
MIN_OVERDUE_SECONDS: Final = 10.0


class DispersalFailed(Failure):
    """No executor dispersed a blob."""


def inscription(channel: ChannelId, prover: Prover) -> SignedMantleTx:
    """The transaction that opens a channel."""
    text = f"Test channel inscription {channel.hex()}".encode()
    operation = ChannelInscribe(channel, text, ROOT_MSG_ID, SIGNER.public)
    return sign_transaction(MantleTx((operation,)), operation_signers=(Ed25519Signer(SIGNER),), prover=prover)


class ChannelFlow:
    """Inscribes a channel and fills it with ``blobs`` blobs; appends to ``dispersed`` and ``overdue`` as it goes."""

    def __init__(
        self, ctx: RunContext, channel: ChannelId, *, blobs: int, dispersed: list[Dispersed], overdue: list[Dispersed]
    ) -> None:
        self._ctx = ctx
        self._channel = channel
        self._name = channel_name(channel)
        self._blobs = blobs
        self._dispersed = dispersed
        self._overdue = overdue
        self._payloads = ctx.random(f"payloads of {self._name}")
        self._executors = ctx.random(f"executors of {self._name}")

    async def run(self) -> None:
        """
        Raises:
            DispersalFailed: no executor dispersed a blob.
            NodeClientError: no node took the inscription.
            EOFError: the block feed was closed.
        """
        parent = await self._inscribe()
        for number in range(self._blobs):
            parent = await self._blob(parent, number)

    async def _inscribe(self) -> MsgId:
        transaction = await asyncio.to_thread(inscription, self._channel, self._ctx.prover())
        started, known = time.monotonic(), len(self._ctx.block_feed().records())
        await submit_in_rounds(self._ctx, transaction)
        message, block = await self._next_message(self._is_inscription, known)
        seconds = round(time.monotonic() - started, 3)
        self._ctx.journal().write(ChannelInscribed(channel=self._channel.hex(), block=block.id.hex(), seconds=seconds))
        return message

    async def _blob(self, parent: MsgId, number: int) -> MsgId:
        while (message := await self._blob_after(parent, number)) is None:
            parent = self._tip()
        return message

    async def _blob_after(self, parent: MsgId, number: int) -> MsgId | None:
        """Disperse blobs until one is in a block; its message. None where ``parent`` is no longer the channel's tip."""
        known = len(self._ctx.block_feed().records())
        arrival = asyncio.create_task(self._next_message(partial(self._is_blob_after, parent), known))
        try:
            while not arrival.done():
                blob = await self._disperse(parent, number)
                await asyncio.wait([arrival], timeout=self._patience())
                if not arrival.done():
                    # The chain may have left the branch on which the message before was.
                    if self._tip() != parent:
                        return None
                    await self._report_overdue(blob)
            return (await arrival)[0]
        finally:
            arrival.cancel()
            await asyncio.gather(arrival, return_exceptions=True)

    def _is_inscription(self, operation: ChannelMessage) -> bool:
        return isinstance(operation, ChannelInscribe) and operation.channel_id == self._channel

    def _is_blob_after(self, parent: MsgId, operation: ChannelMessage) -> bool:
        return isinstance(operation, ChannelBlob) and operation.channel == self._channel and operation.parent == parent

    async def _next_message(self, wanted: Callable[[ChannelMessage], bool], known: int) -> tuple[MsgId, BlockRecord]:
        """The first message that is wanted, and its block, after the first ``known`` blocks of the feed."""
        number = 0
        async for block in self._ctx.block_feed().blocks():
            number += 1
            if number > known:
                for operation in channel_messages(block):
                    if wanted(operation):
                        return message_id(operation), block
        raise EOFError("block feed closed while waiting for channel operations")

    def _tip(self) -> MsgId:
        return channel_tip(self._ctx.block_feed().canonical_chain(), self._channel) or ROOT_MSG_ID

    async def _disperse(self, parent: MsgId, number: int) -> Dispersed:
        data = random_payload(self._payloads)
        failure: NodeClientError | None = None
        for attempt in range(PUBLISH_ROUNDS):
            if attempt:
                await asyncio.sleep(self._scaled(PUBLISH_RETRY_SECONDS))
            for executor in self._shuffled_executors():
                try:
                    return await self._publish(executor, parent, data)
                except NodeClientError as error:
                    failure = error
        what = f"blob {number} of {self._name} ({len(data)} bytes) was not dispersed in {PUBLISH_ROUNDS} rounds"
        raise DispersalFailed(f"{what}: {failure}") from failure

    async def _publish(self, executor: NodeClient, parent: MsgId, data: bytes) -> Dispersed:
        started = time.monotonic()
        blob = await executor.publish_blob(
            channel_id=self._channel, parent=parent, signer=SIGNER.public, data=data, timeout=PUBLISH_TIMEOUT_SECONDS
        )
        dispersed = Dispersed(blob, self._channel, data, executor.name, time.monotonic())
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
        seconds = time.monotonic() - blob.at
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

    def _shuffled_executors(self) -> list[NodeClient]:
        executors = self._ctx.node_clients().executors()
        return self._executors.sample(list(executors), len(executors))

    def _patience(self) -> float:
        return max(OVERDUE_SLOTS * (self._ctx.run_metrics().slot_duration or 0.0), MIN_OVERDUE_SECONDS)

    def _scaled(self, seconds: float) -> float:
        # Sub-second slots exist to make tests fast: what is fixed at 2 s slots shrinks with them.
        slot = self._ctx.run_metrics().slot_duration
        return seconds * slot / 2.0 if slot is not None and slot < 1 else seconds
