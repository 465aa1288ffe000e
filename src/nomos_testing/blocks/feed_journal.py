"""Writes the events of the block feed into the journal."""

from __future__ import annotations

from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.blocks.chain_history import FeedEvent, NewBlock, NewTip
from nomos_testing.journal.events import BlockSeen, Reorganised, TipChanged
from nomos_testing.journal.journal import Journal


def journal_feed(feed: BlockFeed, journal: Journal) -> None:
    """Write every event of the feed into the journal, also those of the past."""
    feed.listen(lambda event: _write(journal, event))


def _write(journal: Journal, event: FeedEvent) -> None:
    journal.write(_journal_form(event))


def _journal_form(event: FeedEvent) -> BlockSeen | Reorganised | TipChanged:
    if isinstance(event, NewBlock):
        record = event.record
        return BlockSeen(
            block=record.id.hex(),
            parent=record.parent.hex(),
            slot=record.slot,
            height=record.height,
            transactions=len(record.block.transactions),
            node=record.first_node,
        )
    if isinstance(event, NewTip):
        return TipChanged(node=event.node, tip=event.tip.hex(), height=event.height, slot=event.slot)
    return Reorganised(
        node=event.node,
        old_tip=event.old_tip.hex(),
        new_tip=event.new_tip.hex(),
        common_ancestor=event.common_ancestor.hex(),
        abandoned=len(event.abandoned),
        adopted=len(event.adopted),
    )
