"""Scripts of blocks played to the real node's fork choice, with its state after every step."""

import pytest

from nomos_core.cryptarchia.epochs import ConsensusConfig
from nomos_core.cryptarchia.fork_choice import (
    ForkChoice,
    ForkChoiceError,
    Mode,
    PrunedBlocks,
    SlotOrderError,
    UnknownParentError,
)
from support.inputs.golden import Golden, entries


def start(entry: Golden) -> ForkChoice[int]:
    config = ConsensusConfig(entry["security_param"].value, entry["active_slot_coeff"].value)
    genesis = entry.get("genesis")
    return ForkChoice.from_lib(0 if genesis is None else genesis.value, config, Mode(entry["start_mode"].value))


def play(tree: ForkChoice[int], step: Golden) -> PrunedBlocks[int]:
    if step["op"].value == "online":
        return tree.go_online()
    block, parent, slot = step["id"].value, step["parent"].value, step["slot"].value
    if "error" not in step:
        return tree.receive_block(block, parent, slot)
    with pytest.raises(ForkChoiceError) as caught:
        tree.receive_block(block, parent, slot)
    assert said_by_the_real_node(caught.value) == step["error"].value
    return PrunedBlocks()


def said_by_the_real_node(error: ForkChoiceError) -> str:
    match error:
        case UnknownParentError():
            return f"Parent block: {error.parent} is not know to this node"
        case SlotOrderError():
            return f"Invalid slot for block {error.parent}, parent slot is greater than child slot"
    raise AssertionError(error)


@pytest.mark.parametrize("entry", entries("fork_choice.json", "scenarios"))
def test_scenario(entry: Golden) -> None:
    tree = start(entry)
    assert tree.config.density_window == entry["s"].value
    for step in entry["steps"]:
        pruned = play(tree, step)
        assert {
            "lib": tree.lib.id,
            "lib_length": tree.lib.height,
            "mode": tree.mode.value,
            "pruned_immutable": [[branch.slot, branch.id] for branch in pruned.immutable],
            "pruned_stale": sorted(pruned.stale),
            "tip": tree.tip.id,
            "tip_length": tree.tip.height,
            "tip_slot": tree.tip.slot,
            "tips": sorted(fork.id for fork in tree.forks()),
        } == step["result"].value, step


@pytest.mark.parametrize("entry", entries("fork_choice.json", "order_dependent_scripts"))
def test_where_the_real_node_depends_on_hash_order_the_outcome_is_still_one_of_the_forks(entry: Golden) -> None:
    trees = [start(entry), start(entry)]
    for block, parent, slot in entry["script"].value:
        for tree in trees:
            tree.receive_block(block, parent, slot)
    assert trees[0].tip == trees[1].tip
    assert trees[0].tip in trees[0].forks()
