"""The blocks of a run are drawn as a tree, newest first."""

from __future__ import annotations

from random import Random

from nomos_testing.live.block_tree import BlockTree
from support.inputs.live_journals import block


def tree_of(*blocks: tuple[str, str, int], tips: dict[str, str]) -> BlockTree:
    tree = BlockTree()
    for name, parent, height in blocks:
        tree.add(block(name, parent, height))
    for node, tip in tips.items():
        tree.move(node, tip)
    return tree


def drawn(tree: BlockTree, limit: int = 100) -> list[str]:
    return [f"{row.branches} {row.block.block}{'*' * len(row.tip_of)}" for row in tree.rows(limit)]


def test_a_chain_is_one_column() -> None:
    tree = tree_of(("a1", "g", 1), ("a2", "a1", 2), tips={"validator-0": "a2", "validator-1": "a1"})
    assert drawn(tree) == ["● a2*", "● a1*"]
    assert tree.branches() == 1


def test_a_fork_ends_at_the_block_that_both_branches_share() -> None:
    tree = tree_of(
        *(("a1", "g", 1), ("a2", "a1", 2), ("b2", "a1", 2), ("a3", "a2", 3), ("b3", "b2", 3), ("a4", "a3", 4)),
        tips={"validator-0": "a4", "validator-1": "b3"},
    )
    assert drawn(tree) == ["● a4*", "● a3", "│ ● b3*", "● │ a2", "│ ● b2", "●─┘ a1"]
    assert [row.canonical for row in tree.rows(100)] == [True, True, False, True, False, True]
    assert tree.branches() == 2


def test_several_branches_end_at_one_block() -> None:
    tree = tree_of(
        *(("a1", "g", 1), ("a2", "a1", 2), ("b2", "a1", 2), ("c2", "a1", 2), ("a3", "a2", 3)),
        tips={"validator-0": "a3"},
    )
    assert drawn(tree) == ["● a3*", "● a2", "│ ● c2", "│ │ ● b2", "●─┴─┘ a1"]


def test_of_two_equal_tips_that_of_more_nodes_is_the_canonical_one() -> None:
    tree = tree_of(
        *(("a1", "g", 1), ("a2", "a1", 2), ("b2", "a1", 2)),
        tips={"validator-0": "a2", "validator-1": "b2", "validator-2": "b2"},
    )
    assert tree.canonical() == ["b2", "a1"]


def test_only_the_newest_blocks_are_drawn() -> None:
    tree = tree_of(*((f"a{height}", f"a{height - 1}", height) for height in range(1, 50)), tips={})
    assert drawn(tree, limit=3) == ["● a49*", "● a48", "● a47"]


def test_every_tree_is_drawn_with_one_dot_a_row_and_no_column_left_open() -> None:
    rng = Random(5)
    for _ in range(50):
        tree, blocks = BlockTree(), [("g", 0)]
        for number in range(40):
            parent, height = rng.choice(blocks[-6:])
            tree.add(block(f"x{number}", parent, height + 1, f"validator-{rng.randrange(4)}"))
            blocks.append((f"x{number}", height + 1))
        rows = tree.rows(1000)
        assert sorted(row.block.block for row in rows) == sorted(name for name, _ in blocks[1:])
        assert all(row.branches.count("●") == 1 for row in rows)
        # Every block of the first height has genesis as parent, which no node stores: as many columns are left.
        roots = sum(row.block.height == 1 for row in rows)
        assert sum(rows[-1].branches.count(sign) for sign in "●│┼") == roots
