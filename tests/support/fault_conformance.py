"""What faults of nodes and links do to a network of embedded nodes, whatever deployer runs it.

A test module subclasses ``FaultConformance`` and gives the fixture ``deploy``. Every assertion is about what anybody
can see from outside: the nodes' HTTP API, their logs, the journal, the relay's evidence.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import product
from typing import Any

import pytest

from nomos_testing import NodeHandle, Runner, Scenario, ScenarioBuilder
from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import NetworkControl, NodeControl, NodeControlError, Role
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Links
from nomos_testing.deployers.shared.clock import find_library
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.faults import ClockSkew, DiskFull, Kill, Latency, Partition, Pause, Restart, Stop, seconds, slots
from nomos_testing.faults.injection import Injection
from nomos_testing.journal.events import NodeExited
from nomos_testing.journal.journal import read_journal
from support.inputs.fault_deadlines import EFFECT_DEADLINE
from support.processes.live_network import all_reach, heights, reached

Deploy = Callable[[Scenario], AbstractAsyncContextManager[Runner]]

SLOT_SECONDS = 0.5
PARTED_SECONDS = 5.0
BLOCKS_TO_SEE_IT = 4
"""Some twenty datagrams: that chance spares all of them, at a rate of one half, is next to impossible."""
A_DAY = 86_400.0
needs_libfaketime = pytest.mark.skipif(
    isinstance(find_library(None), Problem), reason="libfaketime is not installed (the package faketime)"
)
LEFT, RIGHT = ("validator-0", "validator-1"), ("validator-2", "validator-3")
IMPAIRMENTS: dict[str, Callable[[NetworkControl], Any]] = {
    "delayed": lambda network: network.impair(LinkEffect(delay=0.1, jitter=0.05)),
    "lost": lambda network: network.impair(LinkEffect(loss=0.5)),
    "duplicated": lambda network: network.impair(LinkEffect(duplicate=0.5)),
    "reordered": lambda network: network.impair(LinkEffect(reorder=0.5, hold=0.02)),
    "narrow": lambda network: network.impair(LinkEffect(bandwidth=20_000), Links.of("validator-1")),
}


def controlled(runner: Runner) -> tuple[tuple[NodeHandle, ...], NodeControl]:
    control = runner.context.node_control()
    assert control is not None
    return tuple(runner.context.cluster().nodes), control


def links_of(runner: Runner) -> NetworkControl:
    network = runner.context.network_control()
    assert network is not None
    return network


async def is_silent(node: NodeHandle) -> bool:
    try:
        await node.client.consensus_info(timeout=0.5)
    except NodeClientError:
        return True
    return False


@asynccontextmanager
async def two_nodes(deploy: Deploy, **options: Any) -> AsyncIterator[Runner]:
    builder = ScenarioBuilder.topology(validators=2, layout="full").slot(seconds=SLOT_SECONDS, **options)
    async with deploy(builder.enable_node_control().run_for(slots=2).build()) as runner:
        yield runner


class FaultConformance:
    """Needs a fixture ``deploy``."""

    async def stored_bytes(self, node: NodeHandle) -> int:
        """In all files that a node has written."""
        raise NotImplementedError

    async def test_a_node_is_paused_stopped_killed_and_started_again(self, deploy: Deploy) -> None:
        async with two_nodes(deploy) as runner:
            (_, node), control = controlled(runner)
            await control.pause(node)
            assert control.running(node)
            assert await is_silent(node)
            await control.resume(node)
            await node.client.consensus_info()
            await control.stop(node)
            assert not control.running(node)
            assert await is_silent(node)
            with pytest.raises(NodeControlError, match="validator-1 is not running"):
                await control.pause(node)
            await control.start(node)
            with pytest.raises(NodeControlError, match="validator-1 is running already"):
                await control.start(node)
            await all_reach([node], 1)
            (height,) = await heights([node])
            await control.kill(node)
            assert not control.running(node)
            await control.restart_validator(1)
            assert (await heights([node]))[0] >= height, "its data survived"
            await control.pause(node)
            await control.heal()
            await control.heal()
            await all_reach(runner.context.cluster().nodes, height + 2)
            journal = runner.run_directory.journal
        exits = [entry.event for entry in read_journal(journal) if isinstance(entry.event, NodeExited)]
        assert [event.status for event in exits][:2] == ["exit code 0", "killed by SIGKILL"]
        assert all(event.expected for event in exits)

    async def test_a_node_restarts_without_its_data_and_with_another_configuration(self, deploy: Deploy) -> None:
        async with two_nodes(deploy) as runner:
            (other, node), control = controlled(runner)
            await all_reach([node], 8)
            await control.kill(other)
            await control.restart(node, wipe_data=True)
            assert (await heights([node]))[0] < 8, "it began anew, and nobody has told it anything"
            await control.start(other)
            await all_reach(runner.context.cluster().nodes, 9)
            config = runner.context.descriptors().nodes[1].config_yaml()
            assert "level: INFO" in config
            assert await self.levels_while_it_grows(node) == {"INFO"}
            await control.restart(node, config=config.replace("level: INFO", "level: WARN"))
            assert await self.levels_while_it_grows(node) == set()

    async def levels_while_it_grows(self, node: NodeHandle) -> set[str]:
        """Which of a quiet node's log levels there are while its chain grows by three blocks."""
        (height,) = await heights([node])
        mark = await node.logs.mark()
        await all_reach([node], height + 3)
        return {level for line in await node.logs.since(mark) for level in ("INFO", "DEBUG") if f" {level} " in line}

    async def test_a_node_that_ends_by_itself_is_noticed_with_its_last_lines(self, deploy: Deploy) -> None:
        async with two_nodes(deploy) as runner:
            (_, node), control = controlled(runner)
            with pytest.raises(NodeControlError, match=r"validator restart failed: validator-1 ended before it was"):
                await control.restart(node, config="network: nonsense\n")
            assert not control.running(node)
            journal = runner.run_directory.journal
        (exit_event,) = [
            entry.event
            for entry in read_journal(journal)
            if isinstance(entry.event, NodeExited) and not entry.event.expected
        ]
        assert exit_event.status == "exit code 1"
        assert exit_event.last_lines

    async def test_a_node_joins_and_can_be_cut_off_like_the_others(self, deploy: Deploy) -> None:
        builder = ScenarioBuilder.topology(validators=1, executors=1, layout="full").slot(seconds=SLOT_SECONDS)
        scenario = builder.enable_node_control().enable_network_control().run_for(slots=2).build()
        async with deploy(scenario) as runner:
            nodes, control = controlled(runner)
            network, feed = links_of(runner), runner.context.block_feed()
            joined = await control.add_node(Role.EXECUTOR)
            assert joined.name == "executor-1"
            await all_reach([joined], max(await heights(nodes)))
            assert joined.name in feed.nodes()
            await network.partition([[joined.name], [node.name for node in nodes]])
            await asyncio.sleep(EFFECT_DEADLINE)
            (height,) = await heights([joined])
            await all_reach(nodes, height + 3)
            assert await heights([joined]) == [height]
            whole = await network.heal()
            assert whole.verified, whole.reason
            await all_reach([joined], height + 3)

    async def test_a_parted_network_makes_two_chains_and_agrees_once_healed(self, deploy: Deploy) -> None:
        builder = ScenarioBuilder.topology(validators=4, layout="full").slot(seconds=SLOT_SECONDS).seed(1)
        async with deploy(builder.enable_network_control().run_for(slots=1).build()) as runner:
            nodes, network = runner.context.cluster().nodes, links_of(runner)
            await all_reach(nodes, 2)
            asked = time.monotonic()
            parted = await network.partition([LEFT, RIGHT])
            assert parted.since - asked < EFFECT_DEADLINE
            await asyncio.sleep(PARTED_SECONDS)  # the length of the fault

            async def only_their_own_side() -> bool:
                infos = await asyncio.gather(*(node.client.network_info() for node in nodes))
                return [info.n_peers for info in infos] == [1, 1, 1, 1]

            await reached("every node to have lost the other side", only_their_own_side)
            tips = [(await node.client.consensus_info()).tip for node in nodes]
            assert set(tips[:2]).isdisjoint(tips[2:])
            whole = await network.heal()
            assert whole.verified, whole.reason
            highest = max(await heights(nodes))

            async def one_chain() -> bool:
                infos = await asyncio.gather(*(node.client.consensus_info() for node in nodes))
                return min(info.height for info in infos) > highest and len({info.tip for info in infos}) == 1

            await reached("all nodes to have the same tip", one_chain)
            log = runner.run_directory.path / "relay.log"
        events = [json.loads(line) for line in log.read_text().splitlines()]
        assert [event["event"] for event in events if event["event"] in {"imposed", "lifted"}] == ["imposed", "lifted"]
        assert not [event for event in events if event["event"] == "stranger_refused"]
        dropped = {(row["source"], row["target"]): row["cut"] for row in events[-1]["counters"]}
        assert all(dropped[pair] > 0 for pair in [*product(LEFT, RIGHT), *product(RIGHT, LEFT)])
        assert not any(dropped[pair] for pair in [LEFT, LEFT[::-1], RIGHT, RIGHT[::-1]])

    async def test_every_impairment_of_links_holds_and_heals(self, deploy: Deploy) -> None:
        builder = ScenarioBuilder.topology(validators=2, layout="full").slot(seconds=SLOT_SECONDS)
        async with deploy(builder.enable_network_control().run_for(slots=1).build()) as runner:
            nodes, network = runner.context.cluster().nodes, links_of(runner)
            for name, impair in IMPAIRMENTS.items():
                asked = time.monotonic()
                impairment = await impair(network)
                assert impairment.since - asked < EFFECT_DEADLINE, name
                await all_reach(nodes, max(await heights(nodes)) + BLOCKS_TO_SEE_IT)
                whole = await network.heal()
                assert whole.verified, f"{name}: {whole.reason}"
            log = runner.run_directory.path / "relay.log"
        counters = json.loads(log.read_text().splitlines()[-1])["counters"]
        for kind in ("lost", "duplicated", "reordered"):
            assert sum(row[kind] for row in counters) > 0, kind

    async def test_a_full_disk_stops_one_node_until_there_is_room(self, deploy: Deploy) -> None:
        builder = ScenarioBuilder.topology(validators=3, layout="full").slot(
            seconds=SLOT_SECONDS, active_slot_coeff=0.5
        )
        scenario = builder.enable_node_control().fault(DiskFull("validator-2"), at=0, lasting=slots(1)).run_for(slots=2)
        async with deploy(scenario.build()) as runner:
            cluster = runner.context.cluster()
            *others, full = cluster.nodes
            await all_reach(cluster.nodes, 2)
            disk = Injection(DiskFull(full.name), cluster, runner.context.patience())
            await disk.inject()
            await asyncio.sleep(EFFECT_DEADLINE)  # what is being written may still come to its end
            stored = await self.stored_bytes(full)
            await all_reach(others, max(await heights(others)) + 3)
            assert await self.stored_bytes(full) == stored, "none of its files has grown"
            await disk.heal(None)
            assert await disk.unverified_reason(network_is_whole=True) is None
            await all_reach(cluster.nodes, max(await heights(others)))
            assert await self.stored_bytes(full) > stored

    @needs_libfaketime
    async def test_a_wrong_clock_is_one_nodes_own(self, deploy: Deploy) -> None:
        builder = ScenarioBuilder.topology(validators=2, layout="full").slot(seconds=SLOT_SECONDS)
        builder = builder.enable_node_control().fault(ClockSkew("validator-1", 1), at=0, lasting=slots(1))
        async with deploy(builder.run_for(slots=2).build()) as runner:
            cluster = runner.context.cluster()
            right, wrong = cluster.nodes

            async def slot_of(node: NodeHandle) -> int:
                return (await node.client.consensus_info()).slot

            async def stands_still() -> bool:
                return await slot_of(right) >= await slot_of(wrong) + 4

            async def together() -> bool:
                return abs(await slot_of(right) - await slot_of(wrong)) <= 2

            await all_reach(cluster.nodes, 2)
            behind = Injection(ClockSkew("validator-1", -A_DAY), cluster, runner.context.patience())
            await behind.inject()
            await reached("a node with yesterday's clock to keep no pace", stands_still)
            await behind.heal(None)
            await reached("both nodes to be at the same slot", together)

    async def test_a_scenario_with_every_kind_of_fault_passes(self, deploy: Deploy) -> None:
        builder = ScenarioBuilder.topology(validators=3, executors=1, layout="full").slot(seconds=1.0)
        builder = builder.enable_node_control().seed(3)
        for at, fault in enumerate((Pause("any validator"), Kill("executor-0"), Stop("validator-1"))):
            builder = builder.fault(fault, at=2 + 5 * at, lasting=2)
        builder = builder.fault(Restart("any"), at=18)
        builder = builder.fault(Partition.of(["validator-0"], ["validator-1"]), at=24, lasting=3)
        builder = builder.fault(Latency(seconds=0.1, links=Links.of("executor-0")), at=24, lasting=3)
        scenario = builder.expect_consensus_liveness().expect_recovery(within=seconds(30)).run_for(seconds=32).build()
        async with deploy(scenario) as runner:
            verdict = await runner.run()
        assert verdict.passed, verdict.failure
