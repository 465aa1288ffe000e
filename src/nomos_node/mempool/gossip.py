"""Gossip of transactions: publishes those of this node's user, and adds those of peers to the mempool."""

from __future__ import annotations

import logging

from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_binary import transaction_from_wire
from nomos_core.telemetry.span_kind import SpanKind
from nomos_node.mempool.mempool import AlreadyInMempool, Mempool, TransactionTooLarge
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.storage.database import StorageError
from nomos_node.telemetry.instruments import Counter
from nomos_node.telemetry.levels import TRACE
from nomos_node.telemetry.traces import NO_TRACES, Tracer, about_transaction

_log = logging.getLogger("nomos_mempool")


class TransactionGossip:
    """Gossip of transactions on one topic."""

    def __init__(self, mempool: Mempool, network: PeerNetwork, topic: str, tracer: Tracer = NO_TRACES) -> None:
        self._mempool = mempool
        self._network = network
        self._topic = topic
        self._tracer = tracer
        self.unreadable = Counter()
        """Number of messages of peers that were no valid transaction."""

    async def submit(self, transaction: SignedMantleTx) -> None:
        """Add a transaction of this node's user to the mempool and send it to the peers.

        Raises:
            AlreadyInMempool, TransactionTooLarge, StorageError: as ``Mempool.add``.
        """
        about = about_transaction(transaction.hash)
        with self._tracer.span("mempool.admission", about) as span:
            pending = await self._mempool.add(transaction)
            span.note(bytes=len(pending.wire), pending=self._mempool.pending_count)
        _log.log(TRACE, "out: transaction of %d bytes, topic %s", len(pending.wire), self._topic)
        with self._tracer.span("gossip.publish", about, kind=SpanKind.PRODUCER) as span:
            span.note(topic=self._topic, bytes=len(pending.wire))
            await self._network.publish(self._topic, pending.wire)

    async def run(self) -> None:
        """Take in the messages of peers. Ends with the network."""
        async with await self._network.subscribe(self._topic) as messages:
            async for message in messages:
                try:
                    await self.receive(message.data, message.forwarder or message.source)
                except StorageError:
                    raise
                except Exception:
                    _log.exception("a transaction of peer %s could not be processed", message.source)

    async def receive(self, data: bytes, peer: str | None = None) -> None:
        """Take in one message of a peer. A message that is no transaction is counted and dropped.

        ``peer`` handed it on. It is None for a message of this node, whose admission has a span already.

        Raises:
            StorageError: as ``Mempool.add``.
        """
        _log.log(TRACE, "in: transaction of %d bytes, topic %s", len(data), self._topic)
        try:
            await self._admit(transaction_from_wire(data), len(data), peer)
        except (ValueError, TransactionTooLarge) as error:
            self.unreadable.add()
            _log.debug("a peer sent no valid transaction: %s", error)

    async def _admit(self, transaction: SignedMantleTx, size: int, peer: str | None) -> None:
        tracer, about = NO_TRACES if peer is None else self._tracer, about_transaction(transaction.hash)
        with tracer.span("mempool.admission", about, kind=SpanKind.CONSUMER) as span:
            span.note(bytes=size, peer=peer or "")
            try:
                await self._mempool.add(transaction)
            except AlreadyInMempool:
                span.note(known=True)
                _log.debug("a peer sent a transaction that is known")
