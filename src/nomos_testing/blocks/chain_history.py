"""The blocks that the nodes of a network have shown, and the branch of each node. Does no I/O.

Blocks are recorded once, parents first, with the node and the time of their first sighting. A node's move from one
branch to another is a reorganisation: it abandons the blocks down to the common ancestor and adopts those up to its new
tip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import HeaderId


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A block, and the nodes that have shown it."""

    id: HeaderId
    """Id under which nodes serve it."""
    block: Block
    """The block."""
    height: int
    """Its height; genesis has 0 and no record."""
    first_node: str
    """Name of the node that showed it first. This need not be the proposer."""
    first_seen: float
    """When it was seen first, in seconds of the event loop's clock."""
    seen_by: Mapping[str, float] = field(default_factory=dict, compare=False)
    """When each node had it on its chain first, by name; grows during the run."""

    @property
    def parent(self) -> HeaderId:
        """Id of its parent."""
        return self.block.header.parent

    @property
    def slot(self) -> int:
        """Its slot."""
        return self.block.header.slot


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block was seen for the first time."""

    record: BlockRecord
    """The block."""


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """A node left a branch. ``adopted`` is empty if it went back to an earlier block of the same branch."""

    node: str
    """Name of the node."""
    old_tip: HeaderId
    """Tip that it left."""
    new_tip: HeaderId
    """Its new tip."""
    common_ancestor: HeaderId
    """Last block that both branches share."""
    abandoned: tuple[HeaderId, ...]
    """Blocks that it left, newest first."""
    adopted: tuple[HeaderId, ...]
    """Blocks of the new branch, oldest first."""
    at: float
    """When it was seen, in seconds of the event loop's clock."""


@dataclass(frozen=True, slots=True)
class NewTip:
    """A node has another tip. It follows the events of its blocks, and of the reorganisation if there is one."""

    node: str
    """Name of the node."""
    tip: HeaderId
    """Id of its tip."""
    height: int
    """Height of its tip."""
    slot: int
    """Slot of its tip; genesis has 0."""
    at: float
    """When it was seen, in seconds of the event loop's clock."""


FeedEvent = NewBlock | Reorganisation | NewTip


class ChainMismatch(Exception):
    """A node shows blocks that do not descend from the genesis of the others."""


class ChainHistory:
    """Recorded blocks by id and in order of recording, and each node's tip.

    Attributes:
        genesis: id of the genesis block, once it is known.
        records: every recorded block, parents first.
    """

    def __init__(self) -> None:
        self.genesis: HeaderId | None = None
        self.records: list[BlockRecord] = []
        self._by_id: dict[HeaderId, BlockRecord] = {}
        self._seen_by: dict[HeaderId, dict[str, float]] = {}
        self._tips: dict[str, HeaderId] = {}

    def __contains__(self, block_id: HeaderId) -> bool:
        return block_id == self.genesis or block_id in self._by_id

    def get(self, block_id: HeaderId) -> BlockRecord | None:
        """Return the record of a block; None for genesis and for a block that was never seen."""
        return self._by_id.get(block_id)

    @property
    def tips(self) -> Mapping[str, HeaderId]:
        """Last seen tip of each node."""
        return dict(self._tips)

    def height_of(self, block_id: HeaderId) -> int:
        """Return the height of a block; 0 for genesis and for a block that was never seen."""
        record = self._by_id.get(block_id)
        return 0 if record is None else record.height

    def set_genesis(self, block_id: HeaderId) -> None:
        """
        Raises:
            ChainMismatch: another genesis is known.
        """
        if self.genesis not in (None, block_id):
            raise ChainMismatch(f"genesis {block_id.hex()} is not the network's {(self.genesis or b'').hex()}")
        self.genesis = block_id

    def add(self, node: str, blocks: Sequence[tuple[HeaderId, Block]], at: float) -> list[FeedEvent]:
        """Record blocks that ``node`` showed, oldest first; known ones are skipped.

        Raises:
            ChainMismatch: the parent of the first unknown block is not recorded.
        """
        return [NewBlock(self._record(node, block_id, block, at)) for block_id, block in blocks if block_id not in self]

    def move(self, node: str, tip: HeaderId, at: float) -> list[FeedEvent]:
        """Note that a node's tip is the recorded block ``tip`` now."""
        old = self._tips.get(node)
        if old == tip:
            return []
        self._tips[node] = tip
        for record in self.backwards(tip):
            if node in self._seen_by[record.id]:
                break
            self._seen_by[record.id][node] = at
        left = [] if old is None else self._reorganisation(node, old, tip, at)
        slot = self._by_id[tip].slot if tip in self._by_id else 0
        return [*left, NewTip(node, tip, self.height_of(tip), slot, at)]

    def chain(self, tip: HeaderId) -> list[BlockRecord]:
        """Return the blocks from genesis (left out) to ``tip``, oldest first."""
        return list(self.backwards(tip))[::-1]

    def canonical_tip(self) -> HeaderId | None:
        """Return the highest tip of any node. Of equal ones, the one of most nodes, then the one seen first."""
        tips = list(self._tips.values())
        return max(tips, key=self._standing, default=None)

    def common_ancestor(self, left: HeaderId, right: HeaderId) -> HeaderId:
        """Return the last block that two branches share."""
        while left != right:
            if self.height_of(left) >= self.height_of(right):
                left = self._by_id[left].parent
            else:
                right = self._by_id[right].parent
        return left

    def _standing(self, tip: HeaderId) -> tuple[int, int, float]:
        record = self._by_id.get(tip)
        holders = sum(other == tip for other in self._tips.values())
        return self.height_of(tip), holders, -record.first_seen if record else 0.0

    def _record(self, node: str, block_id: HeaderId, block: Block, at: float) -> BlockRecord:
        parent = block.header.parent
        if parent not in self:
            raise ChainMismatch(f"block {block_id.hex()} of {node} has an unknown parent {parent.hex()}")
        seen_by = self._seen_by[block_id] = {}
        record = BlockRecord(block_id, block, self.height_of(parent) + 1, node, at, seen_by)
        self._by_id[block_id] = record
        self.records.append(record)
        return record

    def backwards(self, tip: HeaderId, until: HeaderId | None = None) -> Iterator[BlockRecord]:
        """Iterate over the blocks from ``tip`` back to genesis or to ``until``, both left out."""
        while tip != until and (record := self._by_id.get(tip)) is not None:
            yield record
            tip = record.parent

    def _reorganisation(self, node: str, old: HeaderId, new: HeaderId, at: float) -> list[FeedEvent]:
        ancestor = self.common_ancestor(old, new)
        if ancestor == old:
            return []
        abandoned = tuple(record.id for record in self.backwards(old, ancestor))
        adopted = tuple(record.id for record in self.backwards(new, ancestor))[::-1]
        return [Reorganisation(node, old, new, ancestor, abandoned, adopted, at)]
