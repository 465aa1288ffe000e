"""Free leaves of the note tree: the smallest free leaf is reused first, and then the tree grows by one.

A value of this module never changes, as every part of a ledger state. The freed positions are a leftist heap (the right
spine of each node is the shorter one), so taking and releasing a position copies O(log n) nodes and shares the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Heap:
    position: int
    rank: int
    left: _Heap | None
    right: _Heap | None


def _merge(one: _Heap | None, other: _Heap | None) -> _Heap | None:
    if one is None:
        return other
    if other is None:
        return one
    top, rest = (one, other) if one.position < other.position else (other, one)
    merged = _merge(top.right, rest)
    assert merged is not None
    shorter, longer = sorted((top.left, merged), key=_rank)
    return _Heap(top.position, _rank(shorter) + 1, longer, shorter)


def _rank(heap: _Heap | None) -> int:
    return heap.rank if heap else 0


@dataclass(frozen=True, slots=True)
class FreePositions:
    """Leaves that a new note may take: the leaves freed below ``grown``, and all leaves from ``grown`` on."""

    grown: int = 0
    """Leaves that were ever used: one more than the greatest of them; 0 for an empty tree."""
    _freed: _Heap | None = None

    def take(self) -> tuple[int, FreePositions]:
        """Return the smallest free position, and the positions that are free after it is taken."""
        if self._freed is None:
            return self.grown, FreePositions(self.grown + 1)
        rest = _merge(self._freed.left, self._freed.right)
        return self._freed.position, FreePositions(self.grown, rest)

    def release(self, position: int) -> FreePositions:
        """Return the free positions with ``position`` added. The caller knows that it is taken."""
        return FreePositions(self.grown, _merge(self._freed, _Heap(position, 1, None, None)))

    @classmethod
    def around(cls, occupied: Iterable[int]) -> FreePositions:
        """Return the free positions of a tree in which exactly the ``occupied`` positions are taken."""
        taken = set(occupied)
        free = cls(max(taken, default=-1) + 1)
        for position in range(free.grown):
            if position not in taken:
                free = free.release(position)
        return free
