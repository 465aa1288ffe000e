"""The events of the block feed in the journal."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.blocks.feed_journal import journal_feed
from nomos_testing.journal.events import BlockSeen, Reorganised, TipChanged
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.waiting.waiting import Seen, wait_until
from support.fakes.fake_chain import GENESIS_ID, fake_chain
from support.fakes.run_bench import MemoryNode

TRUNK = fake_chain(1)
LEFT = fake_chain(1, parent=TRUNK[-1].id, first_slot=3, branch=1)
RIGHT = fake_chain(2, parent=TRUNK[-1].id, first_slot=4, branch=2)


async def _shows(feed: BlockFeed, tip: HeaderId) -> Seen:
    tips = feed.history.tips
    return Seen(tips.get("validator-0") == tip, str(tips))


async def test_every_tip_of_a_node_follows_its_blocks_and_its_reorganisation(tmp_path: Path) -> None:
    node, journal = MemoryNode(), Journal(tmp_path / "journal")
    feed = BlockFeed([node], poll_seconds=0.001)
    await feed.start()
    journal_feed(feed, journal)
    for chain in ([*TRUNK, *LEFT], [*TRUNK, *RIGHT]):
        node.chain = chain
        await wait_until("the new tip", partial(_shows, feed, chain[-1].id), timeout=10, poll=0.001)
    await feed.close()
    journal.close()
    events = [entry.event for entry in read_journal(journal.path)]
    tips = [event for event in events if isinstance(event, TipChanged)]
    assert [type(event) for event in events] == [
        TipChanged,  # genesis
        *(BlockSeen, BlockSeen, TipChanged),
        *(BlockSeen, BlockSeen, Reorganised, TipChanged),
    ]
    assert tips == [
        TipChanged(node="validator-0", tip=GENESIS_ID.hex(), height=0, slot=0),
        TipChanged(node="validator-0", tip=LEFT[-1].id.hex(), height=2, slot=LEFT[-1].header.slot),
        TipChanged(node="validator-0", tip=RIGHT[-1].id.hex(), height=3, slot=RIGHT[-1].header.slot),
    ]
