"""What holds of the block tree for every order of blocks, in both modes and across the switch."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.cryptarchia.epochs import ConsensusConfig
from nomos_core.cryptarchia.fork_choice import (
    Branch,
    ForkChoice,
    ForkChoiceError,
    Mode,
    SlotOrderError,
    UnknownParentError,
)

GENESIS = 0


@dataclass(frozen=True)
class Script:
    """Blocks ``1, 2, ...``, each with how far back its parent was made and its slot's distance to the parent's."""

    security_param: int
    active_slot_coeff: float
    mode: Mode
    blocks: tuple[tuple[int, int], ...]
    online_after: int

    def tree(self) -> ForkChoice[int]:
        return ForkChoice.from_lib(GENESIS, ConsensusConfig(self.security_param, self.active_slot_coeff), self.mode)


scripts = st.builds(
    Script,
    security_param=st.integers(1, 6),
    active_slot_coeff=st.sampled_from([1.0, 0.9, 0.5]),
    mode=st.sampled_from(Mode),
    blocks=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 20)), max_size=60).map(tuple),
    online_after=st.integers(0, 60),
)


def play(script: Script, tree: ForkChoice[int]) -> list[int]:
    """Add the script's blocks one after the other, checking after each; gives the LIB's height after each step."""
    lib_heights = [tree.lib.height]
    slots = {GENESIS: 0}
    for block, (back, distance) in enumerate(script.blocks, start=1):
        parent = max(block - back, GENESIS)
        slots[block] = slots[parent] + distance
        if block == script.online_after:
            tree.go_online()
        if parent in tree:
            tree.receive_block(block, parent, slots[block])
        check(tree)
        lib_heights.append(tree.lib.height)
    return lib_heights


def check(tree: ForkChoice[int]) -> None:
    forks = tree.forks()
    kept = {branch for fork in forks for branch in tree.ancestors(fork)}
    assert tree.tip in forks
    assert tree.tip.id not in {branch.parent for branch in kept if branch.id != branch.parent}
    assert tree.lib in list(tree.ancestors(tree.tip))
    assert len(tree) == len(kept)
    if tree.mode is Mode.ONLINE:
        assert tree.tip.height - tree.lib.height <= tree.config.security_param
        assert all(tree.lib in list(tree.ancestors(fork)) for fork in forks)


@given(scripts)
def test_tip_is_a_leaf_above_a_lib_that_never_goes_back(script: Script) -> None:
    lib_heights = play(script, script.tree())
    assert lib_heights == sorted(lib_heights)


@given(scripts)
def test_same_blocks_in_the_same_order_give_the_same_tree(script: Script) -> None:
    one, other = script.tree(), script.tree()
    play(script, one)
    play(script, other)
    assert one == other


class PlainGenesisRule:
    """``maxvalid_bg`` as the paper writes it, over whole chains, to hold the tree's short cuts against."""

    def __init__(self, config: ConsensusConfig) -> None:
        self.config = config
        self.chains: dict[int, list[tuple[int, int]]] = {GENESIS: [(GENESIS, 0)]}
        """For every block the (id, slot) of the blocks from genesis to it."""
        self.ends = [GENESIS]
        self.tip = GENESIS

    def receive_block(self, block: int, parent: int, slot: int) -> None:
        self.chains[block] = [*self.chains[parent], (block, slot)]
        self.ends = [*(end for end in self.ends if end != parent), block]
        for end in self.ends:
            if self.prefers(self.chains[self.tip], self.chains[end]):
                self.tip = end

    def prefers(self, best: list[tuple[int, int]], fork: list[tuple[int, int]]) -> bool:
        shared = sum(one == other for one, other in zip(best, fork, strict=False))
        if len(best) - shared <= self.config.security_param:
            return len(fork) > len(best)
        last_slot = best[shared - 1][1] + self.config.density_window
        return self.blocks_until(fork, last_slot) > self.blocks_until(best, last_slot)

    @staticmethod
    def blocks_until(chain: list[tuple[int, int]], last_slot: int) -> int:
        return sum(slot <= last_slot for _, slot in chain)


@given(scripts)
def test_bootstrapping_follows_the_rule_as_it_is_written(script: Script) -> None:
    config = ConsensusConfig(script.security_param, script.active_slot_coeff)
    tree: ForkChoice[int] = ForkChoice.from_lib(GENESIS, config, Mode.BOOTSTRAPPING)
    plain = PlainGenesisRule(config)
    slots = {GENESIS: 0}
    for block, (back, distance) in enumerate(script.blocks, start=1):
        parent = max(block - back, GENESIS)
        slots[block] = slots[parent] + distance
        tree.receive_block(block, parent, slots[block])
        plain.receive_block(block, parent, slots[block])
        assert tree.tip.id == plain.tip
        assert {fork.id for fork in tree.forks()} == set(plain.ends)


@given(scripts)
def test_pruned_blocks_are_those_that_left_the_tree(script: Script) -> None:
    tree = script.tree()
    seen, pruned = {GENESIS}, set[int]()
    slots = {GENESIS: 0}
    for block, (back, distance) in enumerate(script.blocks, start=1):
        parent = max(block - back, GENESIS)
        slots[block] = slots[parent] + distance
        if parent not in tree:
            continue
        result = tree.receive_block(block, parent, slots[block])
        seen.add(block)
        immutable = {branch.id for branch in result.immutable}
        assert not immutable & result.stale
        pruned |= immutable | result.stale
    assert {block for block in seen if block in tree} == seen - pruned


@given(st.integers(1, 5), st.integers(0, 40))
def test_online_lib_is_k_blocks_behind_the_tip_of_a_single_chain(security_param: int, length: int) -> None:
    tree: ForkChoice[int] = ForkChoice.from_lib(GENESIS, ConsensusConfig(security_param, 1.0), Mode.ONLINE)
    for block in range(1, length + 1):
        tree.receive_block(block, block - 1, block)
    assert tree.lib.id == max(length - security_param, 0)
    assert tree.tip == Branch(length, max(length - 1, 0), length, length)


def grown_tree() -> ForkChoice[int]:
    tree: ForkChoice[int] = ForkChoice.from_lib(GENESIS, ConsensusConfig(10, 1.0), Mode.BOOTSTRAPPING)
    for block, parent, slot in [(1, 0, 1), (2, 1, 2), (3, 2, 3), (12, 1, 2), (13, 12, 4)]:
        tree.receive_block(block, parent, slot)
    return tree


def test_a_fork_can_be_compared_with_the_chain() -> None:
    tree = grown_tree()
    fork = tree.branch(13)
    assert fork is not None
    meeting = tree.lowest_common_ancestor(tree.tip, fork)
    assert meeting.id == 1
    assert [branch.id for branch in tree.path(meeting, tree.tip)] == [2, 3]
    assert [branch.id for branch in tree.path(meeting, fork)] == [12, 13]
    assert [branch.id for branch in tree.ancestors(fork)] == [13, 12, 1, 0]
    assert tree.branch(99) is None


def test_of_equal_forks_the_first_stays() -> None:
    tree = grown_tree()
    assert tree.tip.id == 3
    tree.receive_block(14, 13, 5)
    assert tree.tip.id == 14


def test_a_tree_that_starts_at_a_later_block_keeps_absolute_heights_and_slots() -> None:
    tree = ForkChoice.from_lib(b"\x07", ConsensusConfig(2, 1.0), Mode.ONLINE, slot=900, height=700)
    tree.receive_block(b"\x08", b"\x07", 901)
    assert (tree.tip.height, tree.tip.slot, tree.lib.height) == (701, 901, 700)
    with pytest.raises(SlotOrderError, match="slot 899 is before slot 900 of the parent block 0x07"):
        tree.receive_block(b"\x09", b"\x07", 899)


def test_an_unknown_parent_leaves_the_tree_as_it_was() -> None:
    tree = grown_tree()
    with pytest.raises(UnknownParentError, match="the parent block 99 is not in the tree"):
        tree.receive_block(100, 99, 50)
    assert tree == grown_tree()
    assert issubclass(UnknownParentError, ForkChoiceError)
