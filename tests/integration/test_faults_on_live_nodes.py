"""Faults on real embedded nodes: a wrong clock, a full disk, and partitions that a chain survives or does not."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.cluster.interfaces import NodeHandle, Role
from nomos_testing.evidence.summary import summarise
from nomos_testing.expectations.conditions import NodesWithin, ReorganisationDeeperThan
from nomos_testing.faults import ClockSkew, DiskFull, Partition, seconds, slots
from nomos_testing.faults.injection import Injection
from nomos_testing.journal.journal import read_journal
from nomos_testing.outcome import Verdict
from nomos_testing.scenario.scenario import Scenario
from support.fault_conformance import needs_libfaketime
from support.inputs.fault_deadlines import EFFECT_DEADLINE
from support.processes.fake_node_processes import host_of
from support.processes.live_network import all_reach, directory_of, heights, live, log_of, reached, slots_logged

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLOT_SECONDS = 0.5
A_DAY = 86400.0
AHEAD_SLOTS = 8
HALVES = Partition.of(["validator-0", "validator-1"], ["validator-2", "validator-3"])
TICKS = r"SlotTick for slot (\d+)"


def pid_of(node: NodeHandle) -> int:
    return host_of(node).pid


def bytes_written(node: NodeHandle) -> int:
    """In all files of the node's directory."""
    return sum(path.stat().st_size for path in directory_of(node).rglob("*") if path.is_file())


@needs_libfaketime
async def test_a_wrong_clock_is_one_nodes_own_and_goes_right_again(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=2).slot(seconds=SLOT_SECONDS).enable_node_control()
    scenario = builder.fault(ClockSkew("validator-1", 1), at=0, lasting=slots(1)).run_for(slots=2).build()
    async with live(tmp_path, scenario) as runner:
        cluster = runner.context.cluster()
        right, wrong = cluster.nodes

        def newest_tick(node: NodeHandle) -> int:
            return max(slots_logged(log_of(node), TICKS), default=0)

        async def stands_still() -> bool:
            return newest_tick(right) >= newest_tick(wrong) + 3

        async def ahead() -> bool:
            return newest_tick(wrong) >= newest_tick(right) + AHEAD_SLOTS - 1

        async def together() -> bool:
            return newest_tick(right) > AHEAD_SLOTS and abs(newest_tick(right) - newest_tick(wrong)) <= 1

        behind = Injection(ClockSkew("validator-1", -A_DAY), cluster, runner.context.patience())
        await behind.inject()
        await reached("the slots of a clock that is behind to stand still", stands_still)
        await behind.heal(None)
        await reached("both clocks to agree", together)
        fast = Injection(ClockSkew("validator-1", AHEAD_SLOTS * SLOT_SECONDS), cluster, runner.context.patience())
        await fast.inject()
        await reached("the slots of a clock that is fast", ahead)
        await fast.heal(None)
        await reached("both clocks to agree again", together)


async def test_a_full_disk_stops_one_node_and_it_catches_up_when_there_is_room(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=3, layout="full").slot(seconds=SLOT_SECONDS, active_slot_coeff=0.5)
    scenario = builder.enable_node_control().run_for(slots=2).build()
    async with live(tmp_path, scenario) as runner:
        cluster = runner.context.cluster()
        *others, full = cluster.nodes
        await all_reach(cluster.nodes, 2)
        disk = Injection(DiskFull(full.name), cluster, runner.context.patience())
        await disk.inject()
        await asyncio.sleep(EFFECT_DEADLINE)  # the most it may take
        written, height = bytes_written(full), max(await heights(others))
        await all_reach(others, height + 3)
        assert bytes_written(full) == written, "none of its files has grown"
        await disk.heal(None)
        assert await disk.unverified_reason(network_is_whole=True) is None
        await all_reach(cluster.nodes, max(await heights(others)))
        assert bytes_written(full) > written


async def test_a_paused_and_a_killed_node_are_so_within_half_a_second(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=2).slot(seconds=SLOT_SECONDS)
    async with live(tmp_path, builder.enable_node_control().run_for(slots=2).build()) as runner:
        node, control = runner.context.cluster().nodes[1], runner.context.node_control()
        assert control is not None
        process = psutil.Process(pid_of(node))
        began = time.monotonic()
        await control.pause(node)

        async def stopped() -> bool:
            return process.status() == psutil.STATUS_STOPPED

        await reached("the node to stand still", stopped, patience=began + EFFECT_DEADLINE - time.monotonic())
        await control.resume(node)
        await node.client.consensus_info(timeout=EFFECT_DEADLINE)
        began = time.monotonic()
        await control.kill(node)
        assert time.monotonic() - began < EFFECT_DEADLINE
        assert not psutil.pid_exists(process.pid) or process.status() == psutil.STATUS_ZOMBIE


async def test_a_node_joins_a_running_network_and_can_be_cut_off_like_the_others(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=2, layout="full").slot(seconds=SLOT_SECONDS)
    scenario = builder.enable_node_control().enable_network_control().run_for(slots=2).build()
    async with live(tmp_path, scenario) as runner:
        cluster, feed = runner.context.cluster(), runner.context.block_feed()
        control, network = runner.context.node_control(), runner.context.network_control()
        assert control is not None
        assert network is not None
        await all_reach(cluster.nodes, 2)
        joined = await control.add_node(Role.VALIDATOR)
        await all_reach([joined], max(await heights(cluster.nodes[:2])))
        assert joined.name in feed.nodes()
        await network.partition([[joined.name], ["validator-0", "validator-1"]])
        await asyncio.sleep(EFFECT_DEADLINE)  # the most it may take
        (height,) = await heights([joined])
        await all_reach(cluster.nodes[:2], height + 3)
        assert await heights([joined]) == [height]
        whole = await network.heal()
        assert whole.verified, whole.reason
        await all_reach([joined], height + 3)


def parted(length: float, *, coefficient: float, after: float) -> ScenarioBuilder:
    """Four nodes, from slot 4 on in two halves. Without wallets, whose keys all know, each has its own blocks."""
    builder = ScenarioBuilder.topology(validators=4, layout="full").named("parted").seed(5)
    builder = builder.slot(seconds=SLOT_SECONDS, active_slot_coeff=coefficient)
    builder = builder.fault(HALVES, at=slots(4), lasting=slots(length)).run_for(slots=4 + length + after)
    return builder.expect_no_conflicting_lib()


async def verdict_of(directory: Path, scenario: Scenario) -> Verdict:
    async with live(directory, scenario) as runner:
        return await runner.run()


async def test_halves_that_were_apart_for_ten_slots_converge_and_stay_safe(tmp_path: Path) -> None:
    builder = parted(10, coefficient=0.5, after=20).expect_recovery(within=seconds(20)).expect_no_stalls()
    builder = builder.sometimes("a branch is given up", ReorganisationDeeperThan(0))
    verdict = await verdict_of(tmp_path, builder.eventually("close", NodesWithin(2), within=seconds(30)).build())
    assert verdict.passed, verdict.failure
    (partition,) = summarise(read_journal(verdict.run_directory / "journal.jsonl")).faults
    assert partition.verified
    assert partition.deepest_reorganisation >= 1


async def test_halves_that_were_apart_for_more_than_k_blocks_are_told_with_the_block(tmp_path: Path) -> None:
    verdict = await verdict_of(tmp_path, parted(28, coefficient=0.9, after=4).build())
    assert not verdict.passed
    assert verdict.failure is not None
    assert "no_conflicting_lib: did not hold" in verdict.failure
    (judgement,) = verdict.judgements
    assert "conflicting LIB at height" in judgement.message
    assert "the last block they share is" in judgement.message
