"""A fork of live nodes: two leaders of one slot make different blocks, and the network settles on one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from nomos_core.cryptarchia.slots import SlotSchedule
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_testing import ScenarioBuilder
from nomos_testing.blocks.block_feed import BlockFeed, BlockRecord, FeedEvent, Reorganisation
from nomos_testing.cluster.interfaces import NodeHandle
from nomos_testing.topology import GeneratedTopology
from support.inputs.independent_lottery import IndependentLottery
from support.processes.live_network import config_of, genesis_notes, live, reached, transfer

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLOT_SECONDS = 0.5
ACCOUNTS = 250
BEFORE, AFTER = 0.02, 0.06
"""Seconds around the start of a slot in which two leaders are given transactions: some will be on their way to the
other when they propose."""


async def test_leaders_of_one_slot_with_different_transactions_fork_the_chain_and_it_heals(tmp_path: Path) -> None:
    # With one token an account the nodes' own notes decide, so that two branches rarely grow at the same pace.
    builder = ScenarioBuilder.topology(validators=4, layout="full").slot(seconds=SLOT_SECONDS)
    scenario = builder.initialize_wallet(total=ACCOUNTS, users=ACCOUNTS).run_for(slots=1).build()
    async with live(tmp_path, scenario, NOMOS_PROPOSE_AT_ONCE="1") as runner:
        nodes, feed = runner.context.cluster().nodes, runner.context.block_feed()
        seen: list[FeedEvent] = []
        feed.listen(seen.append)
        slot = await _force_a_fork(runner.context.descriptors(), nodes, feed)

        async def resolved() -> bool:
            chains = [feed.chain_of(node.name) for node in nodes]
            kept = {_block_of(chain, slot) for chain in chains}
            return None not in kept and len(kept) == 1 and all(chain[-1].slot > slot for chain in chains)

        await reached(f"all nodes to keep one block of slot {slot}", resolved, patience=40)
    assert any(isinstance(event, Reorganisation) and event.adopted for event in seen), "some node changed its branch"


async def _force_a_fork(topology: GeneratedTopology, nodes: Sequence[NodeHandle], feed: BlockFeed) -> int:
    """Give two leaders of a slot different transactions, slot after slot, until one has two blocks; return it."""
    transactions = _transfers(topology)
    schedule = _schedule(nodes[0])
    async for slot, leaders in _contested_slots(nodes, schedule):
        until = schedule.start_of(slot) / 1e9 + AFTER
        await asyncio.gather(*(_post(leader, transactions, until) for leader in leaders[:2]))

        async def everybody_moved_on(slot: int = slot) -> bool:
            tips = [feed.chain_of(node.name)[-1:] for node in nodes]
            return all(tip and tip[0].slot >= slot for tip in tips)

        await reached(f"every node to have a block of slot {slot} or later", everybody_moved_on)
        if len({record.id for record in feed.records() if record.slot == slot}) > 1:
            return slot
    raise AssertionError("unreachable: slots do not end")


async def _contested_slots(
    nodes: Sequence[NodeHandle], schedule: SlotSchedule
) -> AsyncIterator[tuple[int, Sequence[NodeHandle]]]:
    """Slots that two nodes or more win, by recomputation; each is given out a moment before it starts."""
    lotteries = [(node, IndependentLottery(config_of(node))) for node in nodes]
    for slot in count(schedule.slot_at(time.time_ns()) + 2):
        leaders = [node for node, lottery in lotteries if lottery.winning_notes(slot)]
        early = (schedule.start_of(slot) - time.time_ns()) / 1e9 - BEFORE
        if len(leaders) >= 2 and early > 0:
            await asyncio.sleep(early)
            yield slot, leaders


def _schedule(node: NodeHandle) -> SlotSchedule:
    config = config_of(node)
    return SlotSchedule(config.time.chain_start_time.unix_nanoseconds, config.deployment.time.slot_duration.nanoseconds)


async def _post(leader: NodeHandle, transactions: Iterator[SignedMantleTx], until: float) -> None:
    """Give a leader one transaction after the other; ``until`` is in Unix seconds."""
    while time.time() < until:
        transaction = next(transactions, None)
        assert transaction is not None, "all transactions are spent and the chain has not forked"
        await leader.client.submit_transaction(transaction)


def _transfers(topology: GeneratedTopology) -> Iterator[SignedMantleTx]:
    notes = genesis_notes(topology)
    return iter([transfer(notes[account.public_key], account) for account in topology.wallet_accounts])


def _block_of(chain: Sequence[BlockRecord], slot: int) -> bytes | None:
    return next((record.id for record in chain if record.slot == slot), None)
