"""The note tree as a set with a history: positions, sharing, and roots that batching does not change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.identifiers import LedgerTxHash, NoteId, ZkPublicKey
from nomos_core.ledger.free_positions import FreePositions
from nomos_core.ledger.utxo_tree import HEIGHT, UtxoTree, empty_subtree_root
from nomos_core.mantle.notes import Utxo, note_ids
from nomos_core.mantle.transactions import Note
from nomos_core.poseidon2 import compress

NOTES = tuple(Utxo(LedgerTxHash(5), index, Note(index + 1, ZkPublicKey(9))) for index in range(40))
note_ids(NOTES)


def plain_root(tree: UtxoTree) -> int:
    """The root by definition: every level of the occupied part, then the empty right halves."""
    leaves = dict(tree.placed())
    width = 1 << max(max(leaves, default=0).bit_length(), 1)
    level: list[int] = [leaves[place].id if place in leaves else 0 for place in range(width)]
    height = 0
    while len(level) > 1:
        level = [compress(level[place], level[place + 1]) for place in range(0, len(level), 2)]
        height += 1
    for above in range(height, HEIGHT):
        level = [compress(level[0], empty_subtree_root(above))]
    return level[0]


@settings(max_examples=30, deadline=None)
@given(choices=st.lists(st.integers(0, len(NOTES) - 1), max_size=60), every=st.integers(1, 8))
def test_root_does_not_depend_on_batching(choices: list[int], every: int) -> None:
    single, hashed_often = UtxoTree(), UtxoTree()
    for choice in choices:
        utxo = NOTES[choice]
        removed, inserted = ([utxo.id], []) if utxo.id in single else ([], [utxo])
        single = single.updated(removed=removed, inserted=inserted)
        hashed_often = hashed_often.updated(removed=removed, inserted=inserted)
        if choice % every == 0:
            assert hashed_often.root
    assert single.root == hashed_often.root == plain_root(single)


@settings(max_examples=30, deadline=None)
@given(removed=st.sets(st.integers(0, 19)), inserted=st.integers(0, 20))
def test_one_update_equals_many(removed: set[int], inserted: int) -> None:
    start = UtxoTree(NOTES[:20])
    spent, made = [NOTES[index].id for index in removed], NOTES[20 : 20 + inserted]
    one_by_one = start
    for note_id in spent:
        one_by_one = one_by_one.updated(removed=[note_id])
    for utxo in made:
        one_by_one = one_by_one.updated(inserted=[utxo])
    batch = start.updated(removed=spent, inserted=made)
    assert batch == one_by_one
    assert batch.placed() == one_by_one.placed()
    assert len(start) == 20


def test_a_tree_is_not_changed_by_what_is_derived_from_it() -> None:
    tree = UtxoTree(NOTES[:3])
    root = tree.root
    other = tree.updated(removed=[NOTES[1].id], inserted=[NOTES[4], NOTES[5]])
    assert other.root != root
    assert [utxo.note.value for utxo in tree] == [1, 2, 3]
    assert tree.root == root
    assert other.get(NOTES[1].id) is None
    assert other.get(NOTES[4].id) == NOTES[4]
    assert other.position(NOTES[4].id) == 1


def test_merkle_paths_lead_to_the_root() -> None:
    tree = UtxoTree(NOTES[:11]).updated(removed=[NOTES[3].id])
    for utxo in tree:
        node: int = utxo.id
        for height, sibling in enumerate(tree.merkle_path(utxo.id)):
            on_the_left = tree.position(utxo.id) >> height & 1
            node = compress(sibling, node) if on_the_left else compress(node, sibling)
        assert node == tree.root


def test_refuses_an_unknown_note_and_a_known_one_twice() -> None:
    tree = UtxoTree(NOTES[:2])
    with pytest.raises(KeyError):
        tree.updated(removed=[NOTES[2].id])
    with pytest.raises(KeyError):
        tree.updated(removed=[NOTES[1].id, NOTES[1].id])
    with pytest.raises(ValueError, match="already"):
        tree.updated(inserted=[NOTES[0]])
    with pytest.raises(ValueError, match="already"):
        tree.updated(inserted=[NOTES[3], NOTES[3]])
    assert NoteId(1) not in tree


@pytest.mark.parametrize(
    "placed", [[(0, NOTES[0]), (0, NOTES[1])], [(0, NOTES[0]), (1, NOTES[0])], [(-1, NOTES[0])], [(1 << 31, NOTES[0])]]
)
def test_refuses_impossible_positions(placed: list[tuple[int, Utxo]]) -> None:
    with pytest.raises(ValueError, match="leaf"):
        UtxoTree.at_positions(placed)


@given(st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=80))
def test_the_smallest_free_position_is_taken(steps: list[int | None]) -> None:
    free, occupied = FreePositions(), set[int]()
    for step in steps:
        if step is None:
            position, free = free.take()
            assert position == min(set(range(len(occupied) + 1)) - occupied)
            occupied.add(position)
        elif step in occupied:
            free = free.release(step)
            occupied.remove(step)
    assert free.take()[0] == FreePositions.around(occupied).take()[0]
