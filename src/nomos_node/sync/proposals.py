"""Proposals of blocks from gossip: rebuild each block from the mempool, check it, and add it to the chain.

A proposal names its transactions by hash. When a transaction or the parent is missing here, the block is downloaded
with its ancestors.
"""

from __future__ import annotations

import logging
from typing import Final

from nomos_core.codec import CodecError
from nomos_core.cryptarchia.block import Block, Proposal
from nomos_core.cryptarchia.block_validity import BlockError, proposal_of, reconstruct_block
from nomos_core.cryptarchia.block_wire import proposal_from_wire, proposal_to_wire
from nomos_core.cryptarchia.fork_choice import UnknownParentError
from nomos_core.telemetry.span_kind import SpanKind
from nomos_node.chain.block_intake import BlockIntake, Origin
from nomos_node.chain.chain import BlockRejected, Chain
from nomos_node.mempool.mempool import Mempool
from nomos_node.network.events import GossipMessage
from nomos_node.network.peer_network import PeerNetwork
from nomos_node.storage.database import StorageError
from nomos_node.sync.orphans import OrphanDownloader
from nomos_node.telemetry.instruments import Counter, Histogram
from nomos_node.telemetry.levels import TRACE
from nomos_node.telemetry.traces import NO_SPAN, NO_TRACES, OpenSpan, Tracer, about_block

_log = logging.getLogger("chain_network")
_SIZE_BOUNDS: Final = tuple(1 << power for power in range(8, 18))
"""Bounds of sizes in bytes. A proposal has a header, and 32 bytes for each transaction."""


class _Incomplete(Exception):
    """Error: the mempool lacks transactions of a proposal."""


class ProposalGossip:
    """Gossip of proposals on one topic."""

    def __init__(
        self,
        *,
        chain: Chain,
        mempool: Mempool,
        intake: BlockIntake,
        orphans: OrphanDownloader,
        network: PeerNetwork,
        topic: str,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self.received, self.known, self.unreadable = Counter(), Counter(), Counter()
        """Numbers of messages of peers: rebuilt blocks, proposals of known blocks, and messages that are no proposal.
        """
        self.received_sizes = Histogram(_SIZE_BOUNDS)
        self._chain = chain
        self._mempool = mempool
        self._intake = intake
        self._orphans = orphans
        self._network = network
        self._topic = topic
        self._tracer = tracer

    async def publish(self, block: Block) -> None:
        wire = proposal_to_wire(proposal_of(block))
        _log.log(TRACE, "proposal out: 0x%s, %d bytes of topic %s", block.id.hex(), len(wire), self._topic)
        with self._tracer.span("gossip.publish", about_block(block.id), kind=SpanKind.PRODUCER) as span:
            span.note(topic=self._topic, bytes=len(wire))
            await self._network.publish(self._topic, wire)

    async def run(self) -> None:
        """Take in the messages of peers. Ends with the network."""
        async with await self._network.subscribe(self._topic) as messages:
            async for message in messages:
                try:
                    await self.receive(message)
                except StorageError:
                    raise
                except Exception:
                    _log.exception("a proposal of peer %s could not be processed", message.source)

    async def receive(self, message: GossipMessage) -> None:
        """Take in one message. Whatever a peer sends, only failures of this node raise.

        Raises:
            StorageError: as ``BlockIntake.take``.
        """
        try:
            proposal = proposal_from_wire(message.data)
        except CodecError as error:
            self.unreadable.add()
            _log.debug("unrecognized gossipsub message: %s", error)
            return
        sender = message.source or message.forwarder
        _log.log(
            TRACE,
            "proposal in: 0x%s, %d bytes of topic %s from %s",
            proposal.header.id.hex(),
            len(message.data),
            message.topic,
            sender,
        )
        if sender is None:  # a block of this node: its proposal has a span already
            await self._process(proposal, sender, len(message.data), NO_SPAN)
            return
        with self._tracer.span("gossip.receive", about_block(proposal.header.id), kind=SpanKind.CONSUMER) as span:
            span.note(topic=message.topic, bytes=len(message.data), peer=message.forwarder or sender, author=sender)
            await self._process(proposal, sender, len(message.data), span)

    async def _process(self, proposal: Proposal, sender: str | None, size: int, span: OpenSpan) -> None:
        block_id = proposal.header.id
        if block_id in self._chain:
            span.note(known=True)
            if sender is not None:
                self.known.add()
            _log.info("Block 0x%s already processed, ignoring", block_id.hex())
            return
        try:
            block = await self._rebuilt(proposal)
            self.received.add()
            self.received_sizes.observe(size)
            _log.info("received block 0x%s, slot %d, %d transactions", *_summary(block))
            await self._intake.take(block, Origin.GOSSIP)
        except _Incomplete as error:
            _log.error("Failed to reconstruct block from proposal 0x%s: %s", block_id.hex(), error)
            span.fail(str(error))
            self._orphans.want(block_id, known_to=sender)
        except UnknownParentError as error:
            _log.warning("Received block 0x%s: %s. Asking for its ancestors.", block_id.hex(), error)
            span.fail(str(error))
            self._orphans.want(block_id, known_to=sender)
        except (BlockError, BlockRejected) as error:
            _log.error("Error processing reconstructed block 0x%s: %s", block_id.hex(), error)
            span.fail(str(error))

    async def _rebuilt(self, proposal: Proposal) -> Block:
        found = await self._mempool.find(proposal.transaction_hashes)
        _log.debug("rebuilding block 0x%s from %d transactions", proposal.header.id.hex(), len(found))
        transactions = [transaction for transaction in found if transaction is not None]
        if missing := len(found) - len(transactions):
            raise _Incomplete(f"the mempool lacks {missing} of {len(found)} transactions")
        return reconstruct_block(proposal, transactions)


def _summary(block: Block) -> tuple[str, int, int]:
    return block.id.hex(), block.header.slot, len(block.transactions)
