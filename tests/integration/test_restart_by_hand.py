"""Nodes of a running network, killed and started again by hand with the console script, in their own directory."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.client.answers import ConsensusInfo
from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.cluster.interfaces import NodeHandle
from support.processes.fake_node_processes import host_of
from support.processes.live_network import (
    PATIENCE,
    PROGRAMS,
    all_reach,
    directory_of,
    heights,
    live,
    live_environment,
    log_of,
    reached,
)

pytestmark = [pytest.mark.slow, pytest.mark.network]

MANY_BLOCKS = 12
"""More than k, so that the others' LIB moves on meanwhile."""


@contextmanager
def started_by_hand(node: NodeHandle) -> Iterator[subprocess.Popen[bytes]]:
    program = "nomos-node" if node.role == "validator" else "nomos-executor"
    directory = directory_of(node)
    with (directory / "by-hand.log").open("ab") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / program), f"{node.role}.yaml"],
            cwd=directory,
            env=live_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _first_answer(node: NodeHandle) -> ConsensusInfo:
    async def look() -> ConsensusInfo | None:
        try:
            return await node.client.consensus_info()
        except NodeUnreachable:
            return None

    return await reached(f"{node.name} to answer", look)


async def _kill(node: NodeHandle) -> None:
    os.kill(host_of(node).pid, signal.SIGKILL)

    async def ended() -> bool:
        return not node.running

    await reached(f"the end of {node.name}", ended)


@pytest.mark.parametrize(
    ("layout", "name", "missed"),
    [
        ("full", "validator-1", MANY_BLOCKS),
        ("full", "executor-0", MANY_BLOCKS),
        # The centre of a star: without it nobody has peers, so the outage stays below k blocks.
        ("star", "validator-0", 4),
    ],
)
async def test_a_killed_node_resumes_from_its_database_and_catches_up(
    tmp_path: Path, layout: str, name: str, missed: int
) -> None:
    builder = ScenarioBuilder.topology(validators=2, executors=1, layout=layout).slot(seconds=0.3).wallets(20)
    async with live(tmp_path, builder.run_for(slots=1).build()) as runner:
        nodes = runner.context.cluster().nodes
        (killed,) = [node for node in nodes if node.name == name]
        others = [node for node in nodes if node is not killed]
        await all_reach(nodes, MANY_BLOCKS)
        before = await killed.client.consensus_info()
        await _kill(killed)
        await all_reach(others, before.height + missed)
        with started_by_hand(killed):
            first = await _first_answer(killed)
            assert first.height >= before.height, "heights are absolute and go on from the database"
            assert first.mode == "Online"

            async def caught_up() -> bool:
                ends = await heights(nodes)
                return min(ends) > before.height + missed and max(ends) - min(ends) <= 2

            await reached(f"{name} to catch up", caught_up)
            await _agree(nodes)
            headers = await killed.client.consensus_headers()
            assert await killed.client.storage_block(headers[0]) is not None


async def _agree(nodes: Sequence[NodeHandle]) -> None:
    async def one_tip() -> bool:
        return len({(await node.client.consensus_info()).tip for node in nodes}) == 1

    await reached("one tip on all nodes", one_tip)


async def test_a_node_started_by_hand_is_the_same_program_as_the_deployers(tmp_path: Path) -> None:
    builder = ScenarioBuilder.topology(validators=2, layout="full").slot(seconds=0.3)
    async with live(tmp_path, builder.run_for(slots=1).build()) as runner:
        nodes = runner.context.cluster().nodes
        processes = [_process(node) for node in nodes]
        assert len({process.pid for process in processes} | {os.getpid()}) == 3
        assert [process.cwd() for process in processes] == [str(directory_of(node)) for node in nodes]
        titles = [f"nomos-node {runner.run_directory.path.name}/{node.name}/validator.yaml" for node in nodes]
        assert [_title(process) for process in processes] == titles
        listed = _listed()
        for process, title in zip(processes, titles, strict=True):
            assert (str(process.pid), title) in listed
            assert os.getsid(process.pid) == process.pid
        await all_reach(nodes, 3)
        deployed = nodes[1]
        await _proposes(deployed, since="")
        log = log_of(deployed)
        served = await _answers(deployed)
        await _kill(deployed)
        with started_by_hand(deployed) as mine:
            await _first_answer(deployed)
            assert _title(psutil.Process(mine.pid)) == titles[1]
            assert await _answers(deployed) == served
            height = max(await heights(nodes))
            await all_reach(nodes, height + 3)
            await _proposes(deployed, since=log)
            again = log_of(deployed).removeprefix(log)
    for line in (
        "libp2p peer_id:",
        "Service 'Http' is ready.",
        "Received SlotTick for slot ",
        "proposed block with id ",
    ):
        assert line in log, line
        assert line in again, line
    assert _lines_with("libp2p peer_id:", log) == _lines_with("libp2p peer_id:", again)


async def _proposes(node: NodeHandle, *, since: str) -> None:
    """Wait until the lottery has let it lead: in some runs the other validator makes the first blocks alone."""

    async def look() -> bool:
        return "proposed block with id " in log_of(node).removeprefix(since)

    await reached(f"{node.name} to propose a block", look, patience=PATIENCE)


def _listed() -> set[tuple[str, str]]:
    """What people see who look for the nodes: process ids and titles."""
    shown = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.strip().partition(" ") for line in shown.splitlines())
    return {(pid, title) for pid, _, title in lines}


def _title(process: psutil.Process) -> str:
    return " ".join(filter(None, process.cmdline()))


def _process(node: NodeHandle) -> psutil.Process:
    return psutil.Process(host_of(node).pid)


async def _answers(node: NodeHandle) -> list[object]:
    """What stays the same over a restart: addresses, genesis as the end of the chain, the routes that there are."""
    network = await node.client.network_info()
    headers = await node.client.consensus_headers()
    documentation = await node.client.get_json("/api-docs/openapi.json")
    # A node listens on every interface. Those of containers come and go while other tests run.
    loopback = [address for address in network.listen_addresses if "/127.0.0.1/" in str(address)]
    assert loopback
    return [loopback, headers[-1], sorted(documentation["paths"])]


def _lines_with(text: str, log: str) -> set[str]:
    return {line.partition(text)[2] for line in log.splitlines() if text in line}
