"""What node control does to processes, at the level of processes, and how soon."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
import yaml

from nomos_testing.cluster.interfaces import NodeControlError, Role
from nomos_testing.deployers.local.host import LocalHost
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.joining import JoiningNodes
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.journal.events import NodeControlled
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.topology import TopologySpec
from nomos_testing.waiting.machine import Patience
from support.inputs.fault_deadlines import EFFECT_DEADLINE
from support.processes.fake_node_processes import eventually, fake_blueprint, fake_node, fake_program, host_of, is_gone

pytestmark = pytest.mark.network


class Bench:
    def __init__(self, directory: Path, *, clock_library: Path | None = None) -> None:
        self.directory = directory
        self.program = fake_program(directory)
        self.journal = Journal(directory / "journal.jsonl")
        self.reaper = Reaper(self.journal.path, self.journal.opened)
        self.node = fake_node(
            directory, fake_blueprint(say=["first start"]), self.program, self.reaper, clock_library=clock_library
        )
        self.cluster = DeployedCluster(
            [self.node],
            journal=self.journal,
            patience=Patience(slow_environment=True),
            factory=JoiningNodes(TopologySpec(validators=1), self.make),
        )

    async def make(self, role: Role, index: int, position: int) -> tuple[DeployedNode, None]:
        return fake_node(self.directory, fake_blueprint(index, role=role), self.program, self.reaper), None

    async def close(self) -> None:
        await self.cluster.close()
        self.reaper.dismiss()
        self.journal.close()

    @property
    def pid(self) -> int:
        return self.node.host.pid

    def file_limit(self) -> int:
        return resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[0]

    def actions(self) -> list[str]:
        events = (entry.event for entry in read_journal(self.journal.path))
        return [event.action for event in events if isinstance(event, NodeControlled)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    try:
        await made.node.create()
        await made.cluster.start_all()
        yield made
    finally:
        await made.close()


async def took(action: Awaitable[None]) -> float:
    began = time.monotonic()
    await action
    return time.monotonic() - began


async def soon(what: str, holds: Callable[[], bool]) -> None:
    """A signal takes effect a moment after it was sent."""
    with eventually(what, timeout=EFFECT_DEADLINE) as attempts:
        for _ in attempts:
            if holds():
                return


async def test_faults_of_processes_and_their_heals_take_effect_in_less_than_half_a_second(bench: Bench) -> None:
    control, node, process = bench.cluster.control, bench.node, psutil.Process(bench.pid)
    assert await took(control.pause(node)) < EFFECT_DEADLINE
    await soon("the process to stand still", lambda: process.status() == psutil.STATUS_STOPPED)
    assert await took(control.resume(node)) < EFFECT_DEADLINE
    await soon("the process to go on", lambda: process.status() != psutil.STATUS_STOPPED)
    assert await took(control.fill_disk(node)) < EFFECT_DEADLINE
    assert bench.file_limit() == 0
    assert await took(control.free_disk(node)) < EFFECT_DEADLINE
    assert bench.file_limit() == resource.RLIM_INFINITY
    assert await took(control.kill(node)) < EFFECT_DEADLINE
    assert is_gone(process.pid)
    assert bench.actions() == ["pause", "resume", "fill disk", "free disk", "kill"]


async def test_a_restart_may_take_another_configuration_and_lose_the_data(bench: Bench) -> None:
    node = bench.node
    (node.directory / "db" / "block").write_text("something stored")
    stored = node.directory / "db" / "block"
    await bench.cluster.control.restart(node)
    assert stored.read_text() == "something stored"
    assert node.config is not None
    config = yaml.safe_load(node.config)
    config["fake"]["say"] = ["second start"]
    mark = await node.logs.mark()
    await bench.cluster.control.restart(node, config=yaml.safe_dump(config), wipe_data=True)
    assert not stored.exists()
    assert (node.directory / "db" / "starts").read_text() == "started\n"
    assert "second start" in await node.logs.since(mark)
    mark = await node.logs.mark()
    await bench.cluster.control.restart(node)
    since = await node.logs.since(mark)
    assert "second start" in since, "the configuration is the node's own from then on"
    assert "first start" not in since


async def test_a_node_joins_a_running_network(bench: Bench) -> None:
    joined: list[str] = []
    bench.cluster.on_join(lambda node: joined.append(node.name))
    executor = await bench.cluster.control.add_node(Role.EXECUTOR)
    validator = await bench.cluster.control.add_node(Role.VALIDATOR)
    assert [node.name for node in bench.cluster.nodes] == ["validator-0", "validator-1", "executor-0"]
    assert joined == ["executor-0", "validator-1"]
    for node in (executor, validator):
        await node.client.consensus_info()
    await bench.cluster.control.kill(validator)
    await bench.cluster.control.heal()
    assert validator.running


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda bench: bench.cluster.control.start(bench.node), "validator-0 is running already"),
        (lambda bench: bench.cluster.control.restart_executor(3), "there is no executor 3"),
        (
            lambda bench: bench.cluster.control.skew_clock(bench.node, 3),
            "was not started with a clock that can be shifted",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused(
    bench: Bench, ask: Callable[[Bench], Awaitable[None]], complaint: str
) -> None:
    with pytest.raises(NodeControlError, match=complaint):
        await ask(bench)


async def test_two_nodes_that_join_at_once_get_names_of_their_own(bench: Bench) -> None:
    control = bench.cluster.control
    joined = await asyncio.gather(control.add_node(Role.VALIDATOR), control.add_node(Role.VALIDATOR))
    assert {node.name for node in joined} == {"validator-1", "validator-2"}
    assert len({node.url for node in joined}) == 2


async def test_a_clock_is_set_and_healed_and_survives_wiped_data(tmp_path: Path) -> None:
    bench = Bench(tmp_path, clock_library=Path("/somewhere/libfaketime.so.1"))
    node, control, host = bench.node, bench.cluster.control, host_of(bench.node)
    await node.create()
    clock, environment = node.directory / "clock", host.command().env
    assert environment["LD_PRELOAD"] == "/somewhere/libfaketime.so.1"
    assert environment["FAKETIME_TIMESTAMP_FILE"] == str(clock)
    try:
        assert await took(control.skew_clock(node, -2.5)) < EFFECT_DEADLINE
        assert clock.read_text() == "-2.500000\n"
        await node.wipe_data()
        assert clock.read_text() == "-2.500000\n"
        await control.heal()
        assert clock.read_text() == "+0.000000\n"
    finally:
        await bench.close()
    assert bench.actions() == ["put the clock -2.5 s off", "put the clock right"]


async def test_a_clock_that_the_program_does_not_follow_is_told(tmp_path: Path) -> None:
    """The loader ignores a library that is not there, and says so on standard error only."""
    bench = Bench(tmp_path, clock_library=Path("/somewhere/libfaketime.so.1"))
    try:
        await bench.node.create()
        await bench.cluster.start_all()
        with pytest.raises(NodeControlError, match=r"validator-0's clock is off by -?\d\.\d s instead of -60 s"):
            await bench.cluster.control.skew_clock(bench.node, -60)
    finally:
        await bench.close()


class LikeAContainer(LocalHost):
    """A place in which no command can be run while the node is frozen, as it is with containers."""

    frozen = False

    async def freeze(self) -> None:
        await super().freeze()
        self.frozen = True

    async def thaw(self) -> None:
        await super().thaw()
        self.frozen = False

    async def exec(self, *argv: str) -> str:
        if self.frozen:
            raise NodeControlError("the container is paused")
        return await super().exec(*argv)


async def test_a_frozen_node_is_continued_before_its_disk_and_its_clock_are_healed(bench: Bench) -> None:
    control, node = bench.cluster.control, bench.node
    host_of(node).__class__ = LikeAContainer
    await control.fill_disk(node)
    await control.pause(node)
    await control.heal()
    assert bench.file_limit() == resource.RLIM_INFINITY
    await node.client.consensus_info()
    assert bench.actions() == ["fill disk", "pause", "resume", "free disk"]


async def test_the_clock_of_a_frozen_node_is_set(tmp_path: Path) -> None:
    """A clock may be wrong whatever else happens to the node, so that it may be set while the node is frozen."""
    bench = Bench(tmp_path, clock_library=Path("/somewhere/libfaketime.so.1"))
    control, node = bench.cluster.control, bench.node
    host_of(node).__class__ = LikeAContainer
    try:
        await node.create()
        await bench.cluster.start_all()
        await control.pause(node)
        await control.skew_clock(node, 1)
        assert (node.directory / "clock").read_text() == "+1.000000\n"
        await control.heal()
        assert (node.directory / "clock").read_text() == "+0.000000\n"
    finally:
        await bench.close()
