"""The free leaves of the note tree: the smallest is reused first, then the tree grows by one.

Persistent, as every part of a ledger state: the freed positions are a leftist heap (each node's right spine is the
shorter one), so that taking and releasing copy O(log n) nodes and share the rest.
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
    """The leaves a new note may take: those freed below ``grown``, and all from ``grown`` on."""

    grown: int = 0
    _freed: _Heap | None = None

    def take(self) -> tuple[int, FreePositions]:
        """The smallest free position, and what is free without it."""
        if self._freed is None:
            return self.grown, FreePositions(self.grown + 1)
        rest = _merge(self._freed.left, self._freed.right)
        return self._freed.position, FreePositions(self.grown, rest)

    def release(self, position: int) -> FreePositions:
        return FreePositions(self.grown, _merge(self._freed, _Heap(position, 1, None, None)))

    @classmethod
    def around(cls, occupied: Iterable[int]) -> FreePositions:
        """What is free where exactly these positions are taken."""
        taken = set(occupied)
        free = cls(max(taken, default=-1) + 1)
        for position in range(free.grown):
            if position not in taken:
                free = free.release(position)
        return free
