"""A drawing of the branches around a reorganisation: a row for each block, the highest last."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from nomos_testing.report.svg import element

_LINE_HEIGHT: Final = 15
_ROW_GAP: Final = 9
_COLUMN_WIDTH: Final = 22
_LEFT: Final = 12
_TURN: Final = 26
"""Pixels in which a link goes over to the column of another branch."""
_NARROWEST: Final = 330
"""Pixels of the drawing on the narrowest screen."""
_CHARACTER: Final = 7.2
"""Pixels of a character, on average, with some reserve."""
_MOST_COLUMNS: Final = 6
_MOST_ROWS: Final = 30
_ID_CHARACTERS: Final = 8


@dataclass(frozen=True, slots=True)
class ForkBlock:
    """A block of a fork."""

    id: str
    """Its id, hex."""
    parent: str
    """Id of its parent, hex."""
    height: int
    """Its height."""
    slot: int | None
    """Its slot; None if no node has shown the block."""
    adopted: bool
    """Whether it is on the branch that won, or on both."""
    note: str = ""
    """Further text: who showed it first, and whose tip it was."""

    @property
    def label(self) -> str:
        """``height 12, slot 45, a1b2c3d4``."""
        slot = "" if self.slot is None else f"slot {self.slot}, "
        return f"height {self.height}, {slot}{self.id[:_ID_CHARACTERS]}"


@dataclass(frozen=True, slots=True)
class _Row:
    block: ForkBlock | None
    x: int
    y: int
    """The middle of the block's mark."""
    lines: Sequence[str]


def fork_tree(title: str, blocks: Sequence[ForkBlock]) -> Markup:
    """Draw the blocks of a fork, beginning with the last block that all branches share."""
    ordered = sorted(blocks, key=lambda block: (block.height, not block.adopted, block.slot or 0))
    columns = _columns(ordered)
    text_at = _LEFT + _COLUMN_WIDTH * (max(columns.values(), default=0) + 1) - 4
    rows = list(_rows(ordered, columns, int((_NARROWEST - text_at) / _CHARACTER)))
    parts = list(_links(rows))
    for row in rows:
        parts += _drawn(row, text_at)
    height = max((row.y + len(row.lines) * _LINE_HEIGHT for row in rows), default=0)
    attributes = {"class": "plot forks", "role": "img", "aria-label": title, "width": "100%", "height": height}
    return element("svg", attributes, *parts)


def _rows(ordered: Sequence[ForkBlock], columns: Mapping[str, int], width: int) -> Iterator[_Row]:
    """Yield the rows that are drawn. Of a long fork the middle is left out, and a row says so."""
    half = _MOST_ROWS // 2
    kept: list[ForkBlock | None] = list(ordered)
    if len(ordered) > _MOST_ROWS:
        kept = [*ordered[:half], None, *ordered[-half:]]
    y = 12
    for block in kept:
        if block is None:
            row = _Row(None, 0, y, [f"({len(ordered) - 2 * half} blocks are left out)"])
        else:
            label = block.label if block.adopted else f"{block.label}, left"
            lines = [*textwrap.wrap(label, width), *textwrap.wrap(block.note, width)]
            row = _Row(block, _LEFT + columns[block.id] * _COLUMN_WIDTH, y, lines)
        yield row
        y += len(row.lines) * _LINE_HEIGHT + _ROW_GAP


def _columns(ordered: Sequence[ForkBlock]) -> Mapping[str, int]:
    """Give each block a column: 0 to the branch that won, the next free one to each other branch."""
    columns: dict[str, int] = {}
    continued: set[str] = set()
    for block in ordered:
        if block.adopted:
            columns[block.id] = 0
        elif columns.get(block.parent, 0) > 0 and block.parent not in continued:
            columns[block.id] = columns[block.parent]
            continued.add(block.parent)
        else:
            columns[block.id] = min(_MOST_COLUMNS, max(columns.values(), default=0) + 1)
    return columns


def _links(rows: Sequence[_Row]) -> Iterator[Markup]:
    places = {row.block.id: row for row in rows if row.block is not None}
    for row in places.values():
        block = row.block
        if block is None or block.parent not in places:
            continue
        above = places[block.parent]
        kind = "link adopted" if block.adopted else "link abandoned"
        turn = above.y + _TURN if above.x != row.x else above.y
        curve = f"C{above.x} {turn - 8} {row.x} {above.y + 8} {row.x} {turn}" if above.x != row.x else ""
        yield element("path", {"class": kind, "d": f"M{above.x} {above.y}{curve}V{row.y}"})


def _drawn(row: _Row, text_at: int) -> Iterator[Markup]:
    if row.block is not None:
        yield _mark(row)
    for number, line in enumerate(row.lines):
        look = "name" if number == 0 and row.block is not None else "tick"
        yield element("text", {"class": look, "x": text_at, "y": row.y + 4 + number * _LINE_HEIGHT}, line)


def _mark(row: _Row) -> Markup:
    if row.block is not None and row.block.adopted:
        return element("circle", {"class": "block adopted", "cx": row.x, "cy": row.y, "r": 6})
    box = {"x": row.x - 5, "y": row.y - 5, "width": 10, "height": 10}
    return element("rect", {"class": "block abandoned", **box})
