"""Leader: it draws the lottery in every slot on top of the tip, and proposes a block when it wins.

The block is first added to the own chain. It is published only if that succeeds. Leaders of this revision of the
protocol sign with a key that everybody knows. Neither entropy nor vouchers are used.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from nomos_core import field
from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_validity import sign_block
from nomos_core.cryptarchia.fork_choice import Branch, UnknownParentError
from nomos_core.cryptarchia.leadership_proof import make_leader_proof
from nomos_core.identifiers import HeaderId
from nomos_core.keys import Ed25519Key
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, leader_public
from nomos_node.chain.blob_sampling import BlobSampling
from nomos_node.chain.chain import BlockRejected, Chain
from nomos_node.leader.assembly import select_transactions
from nomos_node.leader.lottery import Tickets
from nomos_node.leader.turns import Turns
from nomos_node.mempool.mempool import Mempool
from nomos_node.telemetry.levels import TRACE
from nomos_node.telemetry.traces import NO_TRACES, OpenSpan, Tracer, about_block
from nomos_node.time.slot_clock import SlotClock
from nomos_node.workers import Worker

_log = logging.getLogger("chain_leader")
LEADER_KEY: Final = Ed25519Key(bytes(32))


class Leader:
    """Leader of a node. ``worker`` draws the lottery. ``publish`` sends a block to the peers."""

    def __init__(
        self,
        chain: Chain,
        mempool: Mempool,
        sampling: BlobSampling,
        *,
        tickets: Tickets,
        turns: Turns,
        publish: Callable[[Block], Awaitable[None]],
        worker: Worker,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._chain = chain
        self._mempool = mempool
        self._sampling = sampling
        self._tickets = tickets
        self._turns = turns
        self._publish = publish
        self._worker = worker
        self._tracer = tracer

    async def run(self, clock: SlotClock) -> None:
        """Lead in every slot, for ever."""
        async for tick in clock.ticks():
            await self.lead(tick.slot)

    async def lead(self, slot: int) -> Block | None:
        """Draw the lottery of a slot. Return the proposed block, or None if there is none."""
        epoch = self._chain.rules.config.schedule.epoch_of(slot)
        _log.info("Received SlotTick for slot %d, ep %d", slot, epoch)
        if slot <= self._chain.tip.slot:
            _log.debug("not drawing for slot %d: the tip is of slot %d", slot, self._chain.tip.slot)
            return None
        if not await self._won(slot, self._chain.tip_state()):
            return None
        delay = self._turns.delay(slot, self._chain.tip_state())
        _log.debug("proposing for slot %d in %.0f ms: other leaders may be first in turn", slot, delay * 1000)
        await asyncio.sleep(delay)
        parent, state = self._chain.tip, self._chain.tip_state()
        if slot <= parent.slot:
            _log.info("slot %d has block 0x%s already, not proposing another", slot, parent.id.hex())
            return None
        with self._tracer.span("block.proposal") as span:
            return await self._propose(parent, state, slot, span)

    async def _propose(self, parent: Branch[HeaderId], state: LedgerState, slot: int, span: OpenSpan) -> Block | None:
        span.note(slot=slot, height=parent.height + 1)
        try:
            with self._tracer.span("block.build"):
                block = await self._build(parent, state, slot)
            span.is_about(about_block(block.id), origin=True)
            span.note(transactions=len(block.transactions))
            with self._tracer.span("block.validation"):
                await self._chain.add_block(block)
        except (LedgerError, BlockRejected, UnknownParentError) as error:
            _log.error("Error processing local block of slot %d: %s", slot, error)
            span.fail(str(error))
            return None
        await self._publish(block)
        return block

    async def _won(self, slot: int, state: LedgerState) -> bool:
        epoch = self._chain.epoch_state(slot)
        if epoch is None:
            _log.error("trying to propose a block for slot %d but epoch state is not available", slot)
            return False
        note = await self._worker.run(self._tickets.winning_note, slot, epoch, state.utxos)
        if note is None:
            _log.debug("lost slot %d: none of this node's notes wins it", slot)
            return False
        _log.info("won slot %d", slot)
        if _log.isEnabledFor(TRACE):
            _log.log(TRACE, "slot %d is won by note %s", slot, field.to_hex(note))
        return True

    async def _build(self, parent: Branch[HeaderId], state: LedgerState, slot: int) -> Block:
        rules = self._chain.rules
        public = await self._chain.compute(leader_public, state, slot, rules.config)
        proof = make_leader_proof(public, leader_key=LEADER_KEY.public)
        chosen = await self._chain.compute(
            select_transactions,
            state,
            self._mempool.pending(),
            slot=slot,
            leader_proof=proof,
            validated_blobs=self._sampling.proposable_blobs(),
            rules=rules,
        )
        if _log.isEnabledFor(TRACE):
            for transaction in chosen.transactions:
                _log.log(TRACE, "slot %d: taking tx %064x", slot, transaction.hash)
        await self._mempool.remove(chosen.refused)
        block = sign_block(parent.id, slot, proof, chosen.transactions, LEADER_KEY)
        _log.info(
            "proposed block with id 0x%s containing %d transactions (%d removed)",
            block.id.hex(),
            len(chosen.transactions),
            len(chosen.refused),
        )
        return block
