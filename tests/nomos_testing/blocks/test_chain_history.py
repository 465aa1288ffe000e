"""The block history as a value: every block once, parents first, whatever branches the nodes move between."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.cryptarchia.block import Block
from nomos_core.identifiers import HeaderId
from nomos_testing.blocks.chain_history import ChainHistory, ChainMismatch, FeedEvent, NewBlock, NewTip, Reorganisation
from support.fakes.fake_chain import GENESIS_ID, fake_block, fake_chain


@dataclass(frozen=True)
class Tree:
    """A block tree; ``parents[i]`` is the position of block i's parent, -1 for genesis."""

    blocks: list[Block]
    parents: list[int]

    def path(self, position: int) -> list[Block]:
        found: list[Block] = []
        while position >= 0:
            found.append(self.blocks[position])
            position = self.parents[position]
        return found[::-1]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    blocks: list[Block] = []
    parents: list[int] = []
    for position in range(draw(st.integers(1, 25))):
        # Mostly long branches: a parent among the last few.
        parents.append(draw(st.integers(max(-1, position - 4), position - 1)))
        parent = blocks[parents[-1]] if parents[-1] >= 0 else None
        slot = 1 if parent is None else parent.header.slot + 1
        blocks.append(fake_block(GENESIS_ID if parent is None else parent.id, slot, branch=position))
    return Tree(blocks, parents)


def show(history: ChainHistory, node: str, path: list[Block], at: float = 0.0) -> list[FeedEvent]:
    """What the feed does when ``node`` has the last of ``path`` as its tip."""
    added = history.add(node, [(block.id, block) for block in path], at)
    return added + history.move(node, path[-1].id if path else GENESIS_ID, at)


def fresh() -> ChainHistory:
    history = ChainHistory()
    history.set_genesis(GENESIS_ID)
    return history


@given(tree=trees(), data=st.data())
def test_any_moves_of_any_nodes_give_each_block_once_after_its_parent(tree: Tree, data: st.DataObject) -> None:
    history, shown = fresh(), set[HeaderId]()
    moves = data.draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, len(tree.blocks) - 1)), max_size=30))
    tips: dict[str, int] = {}
    emitted: list[HeaderId] = [GENESIS_ID]
    for at, (node, position) in enumerate(moves):
        path = tree.path(position)
        for event in show(history, node, path, at):
            if isinstance(event, NewBlock):
                assert event.record.parent in emitted
                assert event.record.id not in emitted
                assert event.record.height == len(history.chain(event.record.id))
                emitted.append(event.record.id)
            elif isinstance(event, NewTip):
                assert (event.node, event.tip, event.height) == (node, path[-1].id, len(path))
                assert tips.get(node) != position
            else:
                old, new = tree.path(tips[node]), path
                shared = sum(left is right for left, right in zip(old, new, strict=False))
                assert event.abandoned == tuple(block.id for block in old[shared:][::-1])
                assert event.adopted == tuple(block.id for block in new[shared:])
                assert event.abandoned
        shown |= {block.id for block in path}
        tips[node] = position
        assert [record.id for record in history.chain(path[-1].id)] == [block.id for block in path]
    assert set(emitted[1:]) == shown
    assert history.tips == {node: tree.blocks[position].id for node, position in tips.items()}
    heights = [len(tree.path(position)) for position in tips.values()]
    tip = history.canonical_tip()
    assert history.height_of(tip) == max(heights) if tip is not None else not heights


@given(tree=trees(), data=st.data())
def test_a_node_is_noted_with_every_block_of_its_chains_at_the_first_sighting(tree: Tree, data: st.DataObject) -> None:
    history, first = fresh(), dict[HeaderId, dict[str, float]]()
    moves = data.draw(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, len(tree.blocks) - 1)), max_size=15))
    for at, (node, position) in enumerate(moves):
        show(history, node, tree.path(position), float(at))
        for block in tree.path(position):
            first.setdefault(block.id, {}).setdefault(node, float(at))
    for record in history.records:
        assert record.seen_by == first[record.id]
        assert record.first_seen == min(record.seen_by.values())


def test_a_longer_chain_of_the_same_branch_is_no_reorganisation() -> None:
    chain, history = fake_chain(5), fresh()
    show(history, "a", chain[:2])
    *blocks, tip = show(history, "a", chain, 4.0)
    assert all(isinstance(event, NewBlock) for event in blocks)
    assert tip == NewTip("a", chain[-1].id, 5, chain[-1].header.slot, 4.0)
    assert show(history, "a", chain) == []


def test_the_first_tip_of_a_node_is_told_also_if_it_is_genesis() -> None:
    assert show(fresh(), "a", [], 2.0) == [NewTip("a", GENESIS_ID, 0, 0, 2.0)]


def test_going_back_on_the_same_branch_abandons_without_adopting() -> None:
    chain, history = fake_chain(3), fresh()
    show(history, "a", chain)
    event, tip = show(history, "a", chain[:1], 9.0)
    assert tip == NewTip("a", chain[0].id, 1, chain[0].header.slot, 9.0)
    assert event == Reorganisation("a", chain[2].id, chain[0].id, chain[0].id, (chain[2].id, chain[1].id), (), 9.0)


def test_among_equal_heights_the_tip_of_most_nodes_is_canonical_then_the_first_seen() -> None:
    left, right, history = fake_chain(2, branch=1), fake_chain(2, branch=2), fresh()
    show(history, "a", left, 1.0)
    show(history, "b", right, 2.0)
    assert history.canonical_tip() == left[-1].id
    show(history, "c", right, 3.0)
    assert history.canonical_tip() == right[-1].id


def test_another_genesis_and_an_orphan_are_refused() -> None:
    history = fresh()
    with pytest.raises(ChainMismatch, match="is not the network's"):
        history.set_genesis(HeaderId(bytes(32)))
    stranger = fake_block(HeaderId(bytes(32)), 4)
    with pytest.raises(ChainMismatch, match="has an unknown parent"):
        history.add("a", [(stranger.id, stranger)], 0.0)
