"""A cluster of fake nodes as real processes: starting, dying, ending, and control."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.errors import LaunchError, NodeDied
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.events import NodeExited, NodeStarted
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.waiting.machine import Patience
from support.processes.fake_node_processes import fake_blueprint, fake_node, fake_program, is_gone, processes_of

pytestmark = pytest.mark.network


@asynccontextmanager
async def cluster_in(
    directory: Path, *fakes: dict[str, Any], program: Path | None = None
) -> AsyncIterator[DeployedCluster]:
    program = fake_program(directory) if program is None else program
    journal = Journal(directory / "journal.jsonl")
    reaper = Reaper(journal.path, journal.opened)
    nodes = [fake_node(directory, fake_blueprint(index, **fake), program, reaper) for index, fake in enumerate(fakes)]
    for node in nodes:
        await node.create()
    cluster = DeployedCluster(nodes, journal=journal, patience=Patience(slow_environment=True))
    try:
        yield cluster
    finally:
        await cluster.close()
        reaper.dismiss()
        journal.close()


async def test_nodes_start_together_answer_and_end(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {}, {}) as cluster:
        await cluster.start_all()
        infos = [await node.client.consensus_info() for node in cluster.nodes]
        assert len({info.lib for info in infos}) == 1
        pids = [node.host.pid for node in cluster.nodes]
        assert all(os.getsid(pid) == pid for pid in pids)
    assert not processes_of(tmp_path)
    events = [entry.event for entry in read_journal(tmp_path / "journal.jsonl")]
    assert [event.node for event in events if isinstance(event, NodeStarted)] == ["validator-0", "validator-1"]
    assert {event.expected for event in events if isinstance(event, NodeExited)} == {True}


async def test_closing_twice_is_fine(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {}) as cluster:
        await cluster.start_all()
        await cluster.close()
        await cluster.close()


async def test_a_node_that_dies_at_start_is_noticed_with_its_last_lines(tmp_path: Path) -> None:
    dying = {"say": ["reading the genesis", "ERROR genesis is bad"], "exit_code": 3}
    async with cluster_in(tmp_path, {}, dying) as cluster, asyncio.timeout(20):
        with pytest.raises(NodeDied) as caught:
            await cluster.start_all()
    death = caught.value
    assert death.node == "validator-1"
    assert death.status == "exit code 3"
    assert death.last_lines[-1] == "ERROR genesis is bad"
    assert f"nomos-node: persisting directory at {tmp_path / 'validator-1'}" in str(death)
    assert not processes_of(tmp_path)


async def test_a_program_that_cannot_be_executed_is_named(tmp_path: Path) -> None:
    program = tmp_path / "missing-node"
    async with cluster_in(tmp_path, {}, program=program) as cluster:
        with pytest.raises(LaunchError) as caught:
            await cluster.start_all()
    assert str(caught.value) == f"failed to spawn node process '{program}': No such file or directory"


async def test_a_node_that_ignores_sigterm_and_its_children_end_too(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {"ignore_sigterm": True, "start_child": True}) as cluster:
        await cluster.start_all()
        child = int((tmp_path / "validator-0" / "child.pid").read_text())
        assert not is_gone(child)
    assert not processes_of(tmp_path)
    assert is_gone(child)


async def test_a_killed_node_restarts_in_its_own_directory(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {}) as cluster:
        await cluster.start_all()
        node, first_pid = cluster.nodes[0], cluster.nodes[0].host.pid
        await cluster.control.kill(node)
        assert not node.running
        with pytest.raises(NodeUnreachable):
            await node.client.consensus_info()
        with pytest.raises(NodeControlError, match="validator-0 is not running"):
            await cluster.control.pause(node)
        await cluster.control.restart_validator(0)
        assert node.running
        assert node.host.pid != first_pid
        assert (tmp_path / "validator-0" / "db" / "starts").read_text() == "started\n" * 2
    exits = [entry.event for entry in read_journal(tmp_path / "journal.jsonl") if isinstance(entry.event, NodeExited)]
    assert exits[0] == NodeExited(node="validator-0", status="killed by SIGKILL", expected=True)


async def test_a_paused_node_is_silent_until_resumed(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {}) as cluster:
        await cluster.start_all()
        node = cluster.nodes[0]
        await cluster.control.pause(node)
        with pytest.raises(NodeUnreachable, match="no answer within"):
            await node.client.consensus_info(timeout=0.2)
        await cluster.control.resume(node)
        await node.client.consensus_info()


async def test_healing_runs_every_stopped_and_paused_node_again(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {}, {}) as cluster:
        await cluster.start_all()
        await cluster.control.stop(cluster.nodes[0])
        await cluster.control.pause(cluster.nodes[1])
        await cluster.control.heal()
        await cluster.control.heal()
        for node in cluster.nodes:
            await node.client.consensus_info()


async def test_a_paused_node_can_be_ended(tmp_path: Path) -> None:
    async with cluster_in(tmp_path, {}) as cluster:
        await cluster.start_all()
        await cluster.control.pause(cluster.nodes[0])
    assert not processes_of(tmp_path)
