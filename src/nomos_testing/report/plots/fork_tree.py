"""A drawing of the branches around a reorganisation: a row for each block, the highest last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from nomos_testing.report.svg import element

_ROW_HEIGHT: Final = 38
_COLUMN_WIDTH: Final = 22
_LEFT: Final = 12
_LONGEST_LABEL: Final = 42
"""Characters of a line of text. So many fit beside two branches on a narrow screen."""
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
    slot: int
    """Its slot."""
    adopted: bool
    """Whether it is on the branch that won, or on both."""
    note: str = ""
    """Further text: who showed it first, and whose tip it was."""

    @property
    def label(self) -> str:
        """``height 12, slot 45, a1b2c3d4``."""
        return f"height {self.height}, slot {self.slot}, {self.id[:_ID_CHARACTERS]}"


def fork_tree(title: str, blocks: Sequence[ForkBlock]) -> Markup:
    """Draw the blocks of a fork, beginning with the last block that all branches share."""
    rows = sorted(blocks, key=lambda block: (block.height, not block.adopted, block.slot))
    kept, left_out = _shortened(rows)
    columns = _columns(rows)
    text_at = _LEFT + _COLUMN_WIDTH * (max(columns.values(), default=0) + 1) - 4
    places = {block.id: (columns[block.id], number) for number, block in enumerate(kept) if block is not None}
    parts = list(_links(kept, places))
    for number, block in enumerate(kept):
        y = number * _ROW_HEIGHT + 16
        if block is None:
            place = {"class": "tick", "x": text_at, "y": y + 4}
            parts.append(element("text", place, f"{left_out} blocks are left out here"))
        else:
            parts += _block(block, columns[block.id], y, text_at)
    height = len(kept) * _ROW_HEIGHT
    return element(
        "svg", {"class": "plot forks", "role": "img", "aria-label": title, "width": "100%", "height": height}, *parts
    )


def _shortened(rows: Sequence[ForkBlock]) -> tuple[list[ForkBlock | None], int]:
    """Return the rows that are drawn, with None where blocks are left out, and the number of those."""
    if len(rows) <= _MOST_ROWS:
        return list(rows), 0
    half = _MOST_ROWS // 2
    return [*rows[:half], None, *rows[-half:]], len(rows) - 2 * half


def _columns(rows: Sequence[ForkBlock]) -> Mapping[str, int]:
    """Give each block a column: 0 to the branch that won, the next free one to each other branch."""
    columns: dict[str, int] = {}
    continued: set[str] = set()
    for block in rows:
        if block.adopted:
            columns[block.id] = 0
        elif columns.get(block.parent, 0) > 0 and block.parent not in continued:
            columns[block.id] = columns[block.parent]
            continued.add(block.parent)
        else:
            columns[block.id] = max(columns.values(), default=0) + 1
    return columns


def _links(rows: Sequence[ForkBlock | None], places: Mapping[str, tuple[int, int]]) -> Iterator[Markup]:
    for block in rows:
        if block is None or block.parent not in places:
            continue
        (from_column, from_row), (column, row) = places[block.parent], places[block.id]
        (x1, y1), (x2, y2) = _middle(from_column, from_row), _middle(column, row)
        kind = "link adopted" if block.adopted else "link abandoned"
        turn = min(y2, y1 + _ROW_HEIGHT)
        path = f"M{x1} {y1}C{x1} {turn - 8} {x2} {turn - 24} {x2} {turn}V{y2}"
        yield element("path", {"class": kind, "d": path})


def _middle(column: int, row: int) -> tuple[int, int]:
    return _LEFT + column * _COLUMN_WIDTH, row * _ROW_HEIGHT + 16


def _block(block: ForkBlock, column: int, y: int, text_at: int) -> list[Markup]:
    x = _LEFT + column * _COLUMN_WIDTH
    mark = (
        element("circle", {"class": "block adopted", "cx": x, "cy": y, "r": 6})
        if block.adopted
        else element("rect", {"class": "block abandoned", "x": x - 5, "y": y - 5, "width": 10, "height": 10})
    )
    fate = "" if block.adopted else ", abandoned"
    return [
        mark,
        element("text", {"class": "name", "x": text_at, "y": y - 1}, _cut(block.label + fate)),
        element(
            "text", {"class": "tick", "x": text_at, "y": y + 14}, _cut(block.note), element("title", {}, block.note)
        ),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "\u2026"
