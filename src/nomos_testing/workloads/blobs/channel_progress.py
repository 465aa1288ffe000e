"""How far a channel has come: its messages on the canonical chain, and what its next blob waits for."""

from __future__ import annotations

from dataclasses import dataclass, field

from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, MsgId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.operations_binary import message_id
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.blocks.chain_history import BlockRecord
from nomos_testing.workloads.blobs.dispersed_blobs import ChannelMessage, Dispersed, channel_messages, channel_of


@dataclass(slots=True)
class ChannelProgress:
    """Times are seconds of the run's monotonic clock."""

    channel: ChannelId
    waits: list[float] = field(default_factory=list)
    """Seconds of each blob that came into a block, since the message before it was in one."""
    waiting_for: Dispersed | None = None
    """The last blob that was dispersed, unless it is in a block."""
    left: int = 0
    """So often the channel's last message left the canonical chain."""
    failures: int = 0
    """Executors' refusals, and dispersals that got no answer."""
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
        """The last message's id, to which the next one must link; ``ROOT_MSG_ID`` without any."""
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
        """The tip, once it is another one than ``old``.

        Raises:
            EOFError: the block feed was closed.
        """
        events = self._feed.subscribe(past=False)
        while (tip := self.tip) == old:
            if await anext(events, None) is None:
                raise EOFError("block feed closed while waiting for channel operations")
        return tip

    def _refresh(self) -> None:
        # Only the blocks down to one that is known are looked at: runs may have thousands.
        newer: list[_Placed] = []
        for block in self._feed.canonical_blocks_backwards():
            messages = [message for message in channel_messages(block) if channel_of(message) == self._channel]
            if messages and (known := self._up_to(block)):
                self._placed = [*known, *reversed(newer)]
                return
            newer.extend(_Placed(message_id(message), message, block) for message in reversed(messages))
        self._placed = newer[::-1]

    def _up_to(self, block: BlockRecord) -> list[_Placed]:
        """The known messages up to those of ``block``; none where none of them is in it."""
        last = next((n for n in range(len(self._placed), 0, -1) if self._placed[n - 1].block.id == block.id), 0)
        return self._placed[:last]
