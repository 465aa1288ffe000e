"""Verifier: a member checks and stores each share and each transaction of a blob, wherever it came from.

A share is stored only if it is proven to belong to the blob. Nothing else is ever served or passed on. When the member
has all its assigned columns and the transaction, it puts the transaction into the mempool.
"""

from __future__ import annotations

import asyncio
import logging

from nomos_core.da.shares import Share
from nomos_core.da.verification import InvalidShare
from nomos_core.identifiers import BlobId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.da.blob_store import BlobStore
from nomos_node.da.kzg import Kzg
from nomos_node.da.publish_trigger import PublishTrigger, TriggerSettings
from nomos_node.da.sessions import Sessions
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.mempool.mempool import AlreadyInMempool, TransactionTooLarge
from nomos_node.telemetry.levels import TRACE
from nomos_node.telemetry.traces import NO_TRACES, Tracer, about_blob
from nomos_node.time.monotonic import monotonic

_log = logging.getLogger("nomos_da_verifier")


class TransactionRefused(Exception):
    """Error: the transaction announces no blob of this session."""


class Verifier:
    """Verifier of one member. ``peer_id`` is its own."""

    def __init__(
        self,
        kzg: Kzg,
        store: BlobStore,
        sessions: Sessions,
        *,
        transactions: TransactionGossip,
        settings: TriggerSettings,
        peer_id: str,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._kzg = kzg
        self._store = store
        self._sessions = sessions
        self._transactions = transactions
        self._trigger = PublishTrigger(settings)
        self._prune_interval = settings.prune_interval
        self._peer_id = peer_id
        self._tracer = tracer

    async def run(self) -> None:
        """Publish blobs that are overdue but complete enough. Runs for ever.

        Raises:
            StorageError: the database failed.
        """
        while True:
            await asyncio.sleep(self._prune_interval)
            for blob in self._trigger.overdue(monotonic()):
                await self._publish(blob)

    async def take_share(self, blob: BlobId, share: Share) -> bool:
        """Verify and store a share. Return False when it was stored already.

        Raises:
            InvalidShare: it is not the blob's.
            KzgParamsError, StorageError: this node can't verify or keep it.
        """
        column = share.light.share_idx
        if await self._store.holds(blob, share):
            _log.debug("blob %s: share %d is here already", blob.hex(), column)
            return False
        _log.log(TRACE, "blob %s: verifying share %d", blob.hex(), column)
        with self._tracer.span("blob.share", about_blob(blob)) as span:
            span.note(column=column)
            try:
                await self._kzg.verify(share, blob)
            except InvalidShare as error:
                _log.debug("blob %s: share %d refused: %s", blob.hex(), column, error)
                raise
            if not await self._store.add_share(blob, share):
                return False
        _log.debug("blob %s: keeping share %d", blob.hex(), column)
        if self._trigger.share_arrived(blob, column, monotonic()):
            await self._complete(blob)
        return True

    async def take_transaction(self, transaction: SignedMantleTx) -> tuple[BlobId, bool]:
        """Store the transaction of a blob. Return the blob's id, and False when it was stored already.

        Raises:
            TransactionRefused: it announces no blob, or one of another session.
            StorageError: the database failed.
        """
        operation = _blob_operation(transaction)
        columns = self._assigned_columns(operation.session)
        if not await self._store.add_transaction(operation.blob, transaction):
            return operation.blob, False
        _log.debug("blob %s: keeping its transaction", operation.blob.hex())
        if self._trigger.transaction_arrived(operation.blob, columns, monotonic()):
            await self._complete(operation.blob)
        return operation.blob, True

    def _assigned_columns(self, session: int) -> list[int]:
        current = self._sessions.current
        if current is None or current.session != session:
            now = "none yet" if current is None else str(current.session)
            raise TransactionRefused(f"the blob is of session {session}, the current session is {now}")
        return [number for number in current.subnetworks_of(self._peer_id) if number < self._kzg.columns]

    async def _complete(self, blob: BlobId) -> None:
        _log.info("blob %s: verified, with all columns of this member", blob.hex())
        await self._publish(blob)

    async def _publish(self, blob: BlobId) -> None:
        transaction = await self._store.transaction(blob)
        if transaction is None:
            return
        try:
            await self._transactions.submit(transaction)
        except AlreadyInMempool:
            _log.debug("blob %s: its transaction is in the mempool already: another member was first", blob.hex())
            return
        except TransactionTooLarge as error:
            _log.error("blob %s: %s", blob.hex(), error)
            return
        _log.info("blob %s: its transaction is in the mempool", blob.hex())


def _blob_operation(transaction: SignedMantleTx) -> ChannelBlob:
    operations = transaction.mantle_tx.operations
    if operations and isinstance(operations[0], ChannelBlob):
        return operations[0]
    raise TransactionRefused("the transaction's first operation is no ChannelBlob")
