"""Four embedded nodes behind the relay: parted they make two chains, healed they agree on one again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.blocks.block_feed import BlockFeed, BlockRecord, FeedEvent, Reorganisation
from nomos_testing.cluster.interfaces import NodeHandle
from support.inputs.fault_deadlines import EFFECT_DEADLINE
from support.processes.live_network import live, reached

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLOT_SECONDS = 0.5
PARTED_SLOTS = 10
LEFT, RIGHT = ("validator-0", "validator-1"), ("validator-2", "validator-3")


def tips(feed: BlockFeed, names: Sequence[str]) -> list[BlockRecord]:
    return [feed.chain_of(name)[-1] for name in names if feed.chain_of(name)]


async def all_at(feed: BlockFeed, names: Sequence[str], height: int) -> None:
    async def look() -> bool:
        found = tips(feed, names)
        return len(found) == len(names) and min(tip.height for tip in found) >= height

    await reached(f"{', '.join(names)} to reach height {height}", look)


def share_a_chain(feed: BlockFeed, names: Sequence[str]) -> bool:
    """Whether, as high as the lowest of them, all have the same block."""
    lowest = min(tip.height for tip in tips(feed, names))
    return len({record.id for name in names for record in feed.chain_of(name) if record.height == lowest}) == 1


async def peer_counts(nodes: Sequence[NodeHandle]) -> list[int]:
    return [info.n_peers for info in await asyncio.gather(*(node.client.network_info() for node in nodes))]


async def test_a_parted_network_makes_two_chains_and_converges_once_healed(tmp_path: Path) -> None:
    # Without wallets, whose keys all nodes know, only the nodes' own notes win slots: no block is made on both sides.
    builder = ScenarioBuilder.topology(validators=4, layout="full").slot(seconds=SLOT_SECONDS).seed(1)
    scenario = builder.enable_network_control().run_for(slots=1).build()
    async with live(tmp_path, scenario) as runner:
        nodes, feed = runner.context.cluster().nodes, runner.context.block_feed()
        network = runner.context.network_control()
        assert network is not None
        everybody = [node.name for node in nodes]
        seen: list[FeedEvent] = []
        feed.listen(seen.append)
        assert await peer_counts(nodes) == [3, 3, 3, 3]
        await all_at(feed, everybody, 3)

        asked = time.monotonic()
        parted = await network.partition([LEFT, RIGHT])
        assert parted.since - asked < EFFECT_DEADLINE
        await asyncio.sleep(PARTED_SLOTS * SLOT_SECONDS)  # the length of the fault

        async def one_chain_a_side() -> bool:
            # Of two blocks of one slot each maker keeps its own until the next one comes.
            return share_a_chain(feed, LEFT) and share_a_chain(feed, RIGHT)

        await reached("each side to have one chain", one_chain_a_side)
        assert not share_a_chain(feed, everybody)

        async def only_their_own_side() -> bool:
            return await peer_counts(nodes) == [1, 1, 1, 1]

        await reached("every node to have lost the other side", only_their_own_side)
        whole = await network.heal()
        assert whole.verified, whole.reason
        assert await peer_counts(nodes) == [3, 3, 3, 3]
        highest = max(tip.height for tip in tips(feed, everybody))

        async def converged() -> bool:
            heights = [tip.height for tip in tips(feed, everybody)]
            return min(heights) > highest and max(heights) - min(heights) <= 2 and share_a_chain(feed, everybody)

        await reached("the chains of both sides to converge", converged)
        assert (await network.heal()).verified
        log = runner.run_directory.path / "relay.log"
    assert any(isinstance(event, Reorganisation) and event.abandoned for event in seen), "one side gave its chain up"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] in {"imposed", "lifted"}] == [
        "imposed",
        *["lifted"] * 2,
    ]
    assert not [event for event in events if event["event"] == "stranger_refused"]
    dropped = {(row["source"], row["target"]): row["cut"] for row in events[-1]["counters"]}
    assert all(dropped[pair] > 0 for pair in [*product(LEFT, RIGHT), *product(RIGHT, LEFT)])
    assert not any(dropped[pair] for pair in [LEFT, LEFT[::-1], RIGHT, RIGHT[::-1]])
