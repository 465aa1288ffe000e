"""Four validators: they keep together, and the slots each of them wins are those that genesis gives it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nomos_core.config import Kind, NodeConfig, load_config
from nomos_core.identifiers import HeaderId
from nomos_testing import ScenarioBuilder
from nomos_testing.blocks.block_feed import BlockFeed
from nomos_testing.cluster.interfaces import NodeHandle
from support.inputs.golden import golden_path, load
from support.inputs.independent_lottery import IndependentLottery
from support.processes.live_network import all_reach, config_of, heights, live, log_of, slots_logged

pytestmark = [pytest.mark.slow, pytest.mark.network]

TICKED = r"Received SlotTick for slot (\d+)"
WON = r"won slot (\d+)"
PROPOSED = r"proposed block with id 0x([0-9a-f]{64})"


def four(layout: str) -> ScenarioBuilder:
    return ScenarioBuilder.topology(validators=4, layout=layout).slot(seconds=0.3).wallets(20)


@pytest.mark.parametrize("layout", ["full", "star"])
async def test_four_validators_end_within_two_blocks_of_each_other(tmp_path: Path, layout: str) -> None:
    scenario = four(layout).transactions(rate=2).expect_consensus_liveness().run_for(slots=25).build()
    async with live(tmp_path, scenario) as runner:
        verdict = await runner.run()
        nodes, feed = runner.context.cluster().nodes, runner.context.block_feed()
        ends = await heights(nodes)
        included = [transaction for record in feed.records() for transaction in record.block.transactions]
        proposers = {node.name: _proposed_slots(node, feed) for node in nodes}
    assert verdict.passed, verdict.failure
    assert max(ends) - min(ends) <= 2, ends
    assert min(ends) >= 20
    spent = {note for transaction in included for note in transaction.mantle_tx.ledger_tx.inputs}
    for node in nodes:
        lottery, log = IndependentLottery(config_of(node)), log_of(node)
        won, winners = slots_logged(log, WON), {slot: lottery.winning_notes(slot) for slot in slots_logged(log, TICKED)}
        # A note that was spent meanwhile may have won or not: the log does not say on which block it was drawn.
        assert {slot for slot, notes in winners.items() if notes - spent} <= won
        assert won <= {slot for slot, notes in winners.items() if notes}
        assert proposers[node.name] <= won


async def test_the_slots_each_node_wins_are_those_recomputed_from_genesis(tmp_path: Path) -> None:
    # No notes are spent, and every winner proposes.
    async with live(tmp_path, four("full").run_for(slots=1).build(), NOMOS_PROPOSE_AT_ONCE="1") as runner:
        nodes, feed = runner.context.cluster().nodes, runner.context.block_feed()
        await all_reach(nodes, 25)
    every_winner = set()
    for node in nodes:
        lottery, log = IndependentLottery(config_of(node)), log_of(node)
        ticked = slots_logged(log, TICKED)
        expected = {slot for slot in ticked if lottery.winning_notes(slot)}
        assert len(ticked) > 20
        assert slots_logged(log, WON) == expected
        every_winner |= expected
    slots = {record.slot for record in feed.records()}
    assert slots <= every_winner
    assert {slot for slot in every_winner if slot <= max(slots)} == slots, "a slot that somebody won has a block"


def test_the_recomputation_agrees_with_a_chain_of_real_nodes() -> None:
    slots = {entry["block"]["header"]["slot"].value for entry in load("seed_run/chain.json")["blocks"]}
    lotteries = [IndependentLottery(_seed_config("validator")), IndependentLottery(_seed_config("executor"))]
    won = {slot for slot in range(min(slots), max(slots) + 1) if any(each.winning_notes(slot) for each in lotteries)}
    assert won == slots


def _seed_config(kind: Kind) -> NodeConfig:
    text = golden_path(f"seed_run/{kind}.yaml").read_text().replace("@NODE_DIR@", "node").replace("@KZG@", "kzg")
    return load_config(text, source=kind, kind=kind)


def _proposed_slots(node: NodeHandle, feed: BlockFeed) -> set[int]:
    proposed = {HeaderId(bytes.fromhex(text)) for text in re.findall(PROPOSED, log_of(node))}
    return {record.slot for record in feed.records() if record.id in proposed}
