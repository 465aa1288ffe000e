"""The tree of the blocks that a run has seen, and its drawing as rows: the newest block first, a column per branch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nomos_testing.journal.events import BlockSeen


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One block of the drawing."""

    branches: str
    """The columns of the branches: ``│ ●``."""
    block: BlockSeen
    """The block."""
    canonical: bool
    """True if it is on the branch of the highest tip."""
    tip_of: tuple[str, ...]
    """Names of the nodes whose tip it is."""


class BlockTree:
    """All blocks of a run, and the tip of each node."""

    def __init__(self) -> None:
        self._blocks: dict[str, BlockSeen] = {}
        self._tips: dict[str, str] = {}
        self.changes = 0
        """Number of changes so far. While it stays, the drawing is the same."""

    def add(self, block: BlockSeen) -> None:
        """Add a block. The node that showed it has it as its tip, if it is higher than the tip before."""
        self._blocks.setdefault(block.block, block)
        self.changes += 1
        tip = self._blocks.get(self._tips.get(block.node, ""))
        if tip is None or block.height > tip.height:
            self._tips[block.node] = block.block

    def move(self, node: str, tip: str) -> None:
        """Note the tip of a node."""
        if self._tips.get(node) != tip:
            self._tips[node] = tip
            self.changes += 1

    def canonical(self) -> list[str]:
        """Return the ids on the branch of the highest tip, newest first. Of two tips, that of more nodes counts."""
        votes = list(self._tips.values())
        tips = [block for tip in votes if (block := self._blocks.get(tip)) is not None] or list(self._blocks.values())
        if not tips:
            return []
        highest = max(tips, key=lambda block: (block.height, votes.count(block.block)))
        return [block.block for block in self._ancestry(highest.block)]

    def branches(self) -> int:
        """Return the number of branches on which nodes are: 1 if they agree or follow each other."""
        tips = {tip for tip in self._tips.values() if tip in self._blocks}
        passed = {block.block for tip in tips for block in self._ancestry(self._blocks[tip].parent)}
        return len(tips - passed)

    def rows(self, limit: int) -> list[BlockRow]:
        """Draw the newest blocks.

        Args:
            limit: the most rows to draw.
        """
        canonical = self.canonical()
        first = canonical[:1]
        main = set(canonical)
        newest = sorted(
            self._blocks.values(),
            key=lambda block: (block.height, block.block in main, block.slot, block.block),
            reverse=True,
        )
        tips = self._nodes_by_tip()
        drawn = zip(newest[:limit], _branch_columns(newest[:limit], first), strict=True)
        return [
            BlockRow(columns, block, block.block in main, tuple(tips.get(block.block, ()))) for block, columns in drawn
        ]

    def _ancestry(self, block: str) -> Iterator[BlockSeen]:
        while (found := self._blocks.get(block)) is not None:
            yield found
            block = found.parent

    def _nodes_by_tip(self) -> Mapping[str, list[str]]:
        nodes: dict[str, list[str]] = {}
        for node, tip in sorted(self._tips.items()):
            nodes.setdefault(tip, []).append(node)
        return nodes


def _branch_columns(newest_first: Iterable[BlockSeen], first: list[str]) -> Iterator[str]:
    """Draw the columns of each block. A column waits for the next older block of its branch."""
    awaited: list[str | None] = list(first)
    for block in newest_first:
        mine = [column for column, parent in enumerate(awaited) if parent == block.block]
        if not mine:
            mine = [_free_column(awaited)]
        own, ending = mine[0], mine[1:]
        awaited[own] = block.parent
        yield _columns(awaited, own, ending)
        for column in ending:
            awaited[column] = None
        while awaited and awaited[-1] is None:
            awaited.pop()


def _free_column(awaited: list[str | None]) -> int:
    # Never the first one, which is the canonical branch's.
    for column, parent in enumerate(awaited):
        if column and parent is None:
            return column
    awaited.append(None)
    return len(awaited) - 1


def _columns(awaited: list[str | None], own: int, ending: list[int]) -> str:
    """Draw one row: ``│`` for a branch that passes by, ``●─┘`` where a branch begins at this block."""
    last = ending[-1] if ending else own
    drawn = ""
    for column, parent in enumerate(awaited):
        joined = own < column <= last
        if column == own:
            sign = "●"
        elif column in ending:
            sign = "┘" if column == last else "┴"
        elif parent is not None:
            sign = "┼" if joined else "│"
        else:
            sign = "─" if joined else " "
        drawn += ("" if not column else "─" if joined else " ") + sign
    return drawn.rstrip()
