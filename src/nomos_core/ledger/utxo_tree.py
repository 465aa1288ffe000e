"""Set of unspent notes, and the Merkle tree over it. A proof of leadership commits to the root of this tree.

The tree has a fixed height of 31 and grows from the left. A leaf is a note id, a free leaf is 0, and an inner node is
the Poseidon2 compression of its two children. A spent note frees its leaf, and the next note takes the smallest free
leaf. So a root depends on the order of changes, but not on how they are batched.

A tree is a value: ``updated`` returns another tree, which shares what did not change. Nodes are hashed only when a root
is read, level by level for all changes since the last root. So a block costs one pass over the tree, whatever the
number of its transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from rpds import HashTrieMap

from nomos_core.identifiers import NoteId
from nomos_core.ledger.free_positions import FreePositions
from nomos_core.mantle.notes import Utxo
from nomos_core.poseidon2 import compress, compress_pairs

HEIGHT: Final = 31
"""Levels between a leaf and the root; the protocol fixes it."""
CAPACITY: Final = 1 << HEIGHT
"""Leaves of the tree: the greatest number of unspent notes."""
EMPTY_LEAF: Final = 0
"""Value of a free leaf."""


@cache
def empty_subtree_root(height: int) -> int:
    """Return the root of a subtree without notes. ``height`` is 0 for a leaf and ``HEIGHT`` for the whole tree."""
    if height == 0:
        return EMPTY_LEAF
    below = empty_subtree_root(height - 1)
    return compress(below, below)


def _place(height: int, index: int) -> int:
    """Return the key of a tree node. ``index`` counts from the left within its level."""
    return height << 32 | index


_ROOT: Final = _place(HEIGHT, 0)


class UtxoTree:
    """Set of unspent notes by id, each at one leaf of the Merkle tree. Trees with equal roots are equal."""

    __slots__ = ("_entries", "_free", "_nodes", "_stale")

    def __init__(self, utxos: Iterable[Utxo] = ()) -> None:
        self._entries: HashTrieMap[NoteId, tuple[int, Utxo]] = HashTrieMap()
        self._free = FreePositions()
        self._nodes: HashTrieMap[int, int] = HashTrieMap()
        """Tree nodes by their key. Leaves are always current, inner nodes only while no leaf is stale."""
        self._stale: frozenset[int] = frozenset()
        """Leaves that changed since the inner nodes were hashed."""
        self._apply((), utxos)

    @classmethod
    def at_positions(cls, placed: Iterable[tuple[int, Utxo]]) -> UtxoTree:
        """Return the tree with each note at the given leaf. It is the inverse of ``placed``.

        Raises:
            ValueError: two notes at one leaf, one note at two, or a position outside the tree.
        """
        by_position = dict(pairs := list(placed))
        tree = cls()
        tree._entries = HashTrieMap({utxo.id: (position, utxo) for position, utxo in pairs})
        if not len(by_position) == len(tree._entries) == len(pairs):
            raise ValueError("each note takes one leaf of the tree, and each leaf one note")
        if any(not 0 <= position < CAPACITY for position in by_position):
            raise ValueError(f"a leaf's position is from 0 to {CAPACITY - 1}")
        tree._free = FreePositions.around(by_position)
        tree._nodes = HashTrieMap({position: utxo.id for position, utxo in pairs})
        tree._stale = frozenset(by_position)
        return tree

    @property
    def root(self) -> int:
        """Merkle root of the tree, a field element. Reading it hashes all changes since the last root."""
        if self._stale:
            self._hash_stale()
        return self._node(HEIGHT, 0)

    def get(self, note_id: NoteId) -> Utxo | None:
        """Return the unspent note with this id; None if there is none."""
        entry = self._entries.get(note_id)
        return entry[1] if entry else None

    def position(self, note_id: NoteId) -> int:
        """Return the leaf of a note, from 0 on the left.

        Raises:
            KeyError: the note is not in the tree.
        """
        return self._entries[note_id][0]

    def updated(self, *, removed: Iterable[NoteId] = (), inserted: Iterable[Utxo] = ()) -> UtxoTree:
        """Return the tree after all of ``removed`` are spent and then ``inserted`` are made, in this order.

        Raises:
            KeyError: a note to remove is not in the tree.
            ValueError: a note to insert is in the tree already, or the tree is full.
        """
        tree = UtxoTree()
        tree._entries, tree._free = self._entries, self._free
        tree._stale = self._stale  # before the nodes: another thread may be hashing them
        tree._nodes = self._nodes
        tree._apply(removed, inserted)
        return tree

    def merkle_path(self, note_id: NoteId) -> tuple[int, ...]:
        """Return the 31 siblings from the leaf up to the root.

        Bit ``h`` of the note's position is 1 where sibling ``h`` is on the left.

        Raises:
            KeyError: the note is not in the tree.
        """
        position = self.position(note_id)
        if self._stale:
            self._hash_stale()
        return tuple(self._node(height, position >> height ^ 1) for height in range(HEIGHT))

    def placed(self) -> list[tuple[int, Utxo]]:
        """Return every note with the position of its leaf, from the left."""
        return sorted(self._entries.values(), key=lambda entry: entry[0])

    def __contains__(self, note_id: object) -> bool:
        return note_id in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Utxo]:
        """Iterate over the notes from the left leaf to the right."""
        return (utxo for _, utxo in self.placed())

    def __eq__(self, other: object) -> bool:
        return self.root == other.root if isinstance(other, UtxoTree) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.root)

    def __repr__(self) -> str:
        return f"<UtxoTree of {len(self)} notes>"

    def _apply(self, removed: Iterable[NoteId], inserted: Iterable[Utxo]) -> None:
        entries, free = self._entries, self._free
        leaves: dict[int, int] = {}
        for note_id in removed:
            position, _ = entries[note_id]
            entries = entries.remove(note_id)
            free = free.release(position)
            leaves[position] = EMPTY_LEAF
        added: dict[NoteId, tuple[int, Utxo]] = {}
        for utxo in inserted:
            position, free = free.take()
            if utxo.id in entries or utxo.id in added or position >= CAPACITY:
                raise ValueError(f"the tree is full or has note {utxo.id} already")
            added[utxo.id] = (position, utxo)
            leaves[position] = utxo.id
        self._entries, self._free = entries.update(added), free
        self._nodes = self._nodes.update(leaves)
        self._stale |= leaves.keys()

    def _node(self, height: int, index: int) -> int:
        value = self._nodes.get(_place(height, index))
        return empty_subtree_root(height) if value is None else value

    def _hash_stale(self) -> None:
        """Hash every inner node above a changed leaf, one batch for each level.

        The values do not depend on the thread that computes them, so threads that share a tree may do this at the same
        time.
        """
        values = {position: self._node(0, position) for position in self._stale}
        nodes: dict[int, int] = {}
        for height in range(1, HEIGHT + 1):
            values = self._level_above(height, values)
            nodes.update((_place(height, index), value) for index, value in values.items())
        self._nodes = self._nodes.update(nodes)
        self._stale = frozenset()

    def _level_above(self, height: int, below: dict[int, int]) -> dict[int, int]:
        """Return the values at ``height`` above the changed values of the level below."""

        def child(index: int) -> int:
            value = below.get(index)
            return self._node(height - 1, index) if value is None else value

        parents = list({index >> 1 for index in below})
        hashed = compress_pairs([(child(2 * parent), child(2 * parent + 1)) for parent in parents])
        return dict(zip(parents, hashed, strict=True))
