"""Gossip of transactions: publishes those of this node's user, and adds those of peers to the mempool."""

from __future__ import annotations

import logging

from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_binary import transaction_from_wire
from nomos_node.mempool.mempool import AlreadyInMempool, Mempool, TransactionTooLarge
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.storage.database import StorageError
from nomos_node.telemetry.instruments import Counter
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_mempool")


class TransactionGossip:
    """Gossip of transactions on one topic."""

    def __init__(self, mempool: Mempool, network: PeerNetwork, topic: str) -> None:
        self._mempool = mempool
        self._network = network
        self._topic = topic
        self.unreadable = Counter()
        """Number of messages of peers that were no valid transaction."""

    async def submit(self, transaction: SignedMantleTx) -> None:
        """Add a transaction of this node's user to the mempool and send it to the peers.

        Raises:
            AlreadyInMempool, TransactionTooLarge, StorageError: as ``Mempool.add``.
        """
        pending = await self._mempool.add(transaction)
        _log.log(TRACE, "out: transaction of %d bytes, topic %s", len(pending.wire), self._topic)
        await self._network.publish(self._topic, pending.wire)

    async def run(self) -> None:
        """Take in the messages of peers. Ends with the network."""
        async with await self._network.subscribe(self._topic) as messages:
            async for message in messages:
                try:
                    await self.receive(message.data)
                except StorageError:
                    raise
                except Exception:
                    _log.exception("a transaction of peer %s could not be processed", message.source)

    async def receive(self, data: bytes) -> None:
        """Take in one message of a peer. A message that is no transaction is counted and dropped.

        Raises:
            StorageError: as ``Mempool.add``.
        """
        _log.log(TRACE, "in: transaction of %d bytes, topic %s", len(data), self._topic)
        try:
            await self._mempool.add(transaction_from_wire(data))
        except AlreadyInMempool:
            _log.debug("a peer sent a transaction that is known")
        except (ValueError, TransactionTooLarge) as error:
            self.unreadable.add()
            _log.debug("a peer sent no valid transaction: %s", error)
