"""What nodes use, measured from here and by a program beside each node, through ends, freezes and new lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from nomos_testing.deployers.shared import usage_meter
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.deployers.shared.usage_meter import ClusterUsageMeter
from nomos_testing.journal.journal import Journal
from nomos_testing.runtime.node_usage import NO_USAGE, NodeUsage
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import Seen, wait_until
from support.processes.fake_node_processes import fake_blueprint, fake_node, fake_program, host_of, processes_of

pytestmark = pytest.mark.network
PLACES = pytest.mark.parametrize("remote", [False, True], ids=["here", "beside"])


class Bench:
    """A network of one node that is measured."""

    def __init__(self, node: DeployedNode, cluster: DeployedCluster, failures: list[BaseException]) -> None:
        self.node, self.cluster, self.failures = node, cluster, failures
        self.meter = ClusterUsageMeter(watch=self.watch)
        self.meter.follow(node)

    def watch(self, task: asyncio.Task[None]) -> None:
        def note(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                self.failures.append(error)

        task.add_done_callback(note)

    async def until(self, what: str, holds: Callable[[NodeUsage], bool]) -> NodeUsage:
        async def look() -> Seen:
            usage = self.meter.usage("validator-0")
            assert not self.failures
            return Seen(holds(usage), str(usage))

        await wait_until(what, look, timeout=30, poll=0.02)
        return self.meter.usage("validator-0")


@pytest.fixture
async def bench(tmp_path: Path, remote: bool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(usage_meter, "_AGAIN_SECONDS", 0.05)
    journal = Journal(tmp_path / "journal.jsonl")
    reaper = Reaper(journal.path, journal.opened)
    node = fake_node(tmp_path, fake_blueprint(), fake_program(tmp_path), reaper)
    # A remote node is measured by a program that its place starts; here the place starts it on this machine.
    monkeypatch.setattr(host_of(node), "remote", remote)
    cluster = DeployedCluster([node], journal=journal, patience=Patience(slow_environment=True))
    made = Bench(node, cluster, [])
    try:
        await node.create()
        await cluster.start_all()
        yield made
    finally:
        await made.meter.close()
        monkeypatch.setattr(host_of(node), "remote", False)
        await cluster.close()
        reaper.dismiss()
        journal.close()
    assert not made.failures
    assert not processes_of(tmp_path)


def known(usage: NodeUsage) -> bool:
    return None not in {usage.cpu, usage.memory_bytes, usage.disk_bytes}


@pytest.mark.slow
@PLACES
async def test_a_node_is_measured_in_each_of_its_lives(bench: Bench) -> None:
    first = await bench.until("the use of the node", known)
    resident = psutil.Process(bench.node.host.pid).memory_info().rss
    assert first.memory_bytes is not None
    assert resident / 2 < first.memory_bytes < resident * 2
    assert first.disk_bytes is not None
    assert first.disk_bytes >= sum(file.stat().st_size for file in bench.node.directory.glob("*.yaml"))
    await bench.cluster.control.kill(bench.node)
    await bench.until("nothing known of a dead node", lambda usage: usage == NO_USAGE)
    await bench.cluster.control.start(bench.node)
    await bench.until("the use of the node's next life", known)
    await bench.cluster.control.restart(bench.node)
    await bench.until("the use of the node's third life", known)


@PLACES
async def test_a_frozen_node_uses_no_processor(bench: Bench) -> None:
    await bench.until("the use of the node", known)
    await bench.cluster.control.pause(bench.node)
    frozen = await bench.until("a second without processor time", lambda usage: usage.cpu == 0.0)
    assert frozen.memory_bytes
    await bench.cluster.control.resume(bench.node)


@pytest.mark.parametrize("remote", [True])
@pytest.mark.parametrize("python", ["/bin/false", "/bin/echo", "/nothing/here"])
async def test_a_place_without_a_fitting_python_leaves_the_use_unknown(bench: Bench, python: str) -> None:
    await bench.until("the use of the node", known)
    bench.node.host.python = python
    await bench.cluster.control.restart(bench.node)
    await bench.until("nothing known", lambda usage: usage == NO_USAGE)
    assert bench.meter.usage("validator-0") == NO_USAGE


@pytest.mark.parametrize("remote", [True])
async def test_a_program_that_falls_silent_is_started_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.until("the use of the node", known)
    monkeypatch.setattr(usage_meter, "_VALID_SECONDS", 0.0)
    assert bench.meter.usage("validator-0") == NO_USAGE
    monkeypatch.setattr(usage_meter, "_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(usage_meter, "_VALID_SECONDS", 60.0)
    # Readings come once a second, so each program is given up after its first one, which has no processors yet.
    await bench.until("the first reading of another program", lambda usage: not known(usage) and usage != NO_USAGE)


@pytest.mark.parametrize("remote", [True])
async def test_closing_ends_the_program(bench: Bench) -> None:
    await bench.until("the use of the node", known)
    own = psutil.Process()
    programs = [child for child in own.children() if str(bench.node.host.pid) in child.cmdline()]
    assert programs
    await bench.meter.close()
    assert not any(program.is_running() for program in programs)
