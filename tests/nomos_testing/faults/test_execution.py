"""Planned faults carried out on a cluster that only notes what is done to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.cluster.interfaces import Impairment, LinkEffect, Links, LinkVerification, NodeControlError
from nomos_testing.failure import is_failure, leaves
from nomos_testing.faults import (
    Bandwidth,
    ClockSkew,
    DiskFull,
    Duplicate,
    Isolate,
    Kill,
    Latency,
    Loss,
    Partition,
    Pause,
    Reorder,
    Restart,
    Stop,
)
from nomos_testing.faults.execution import FaultExecution, FaultFailed
from nomos_testing.faults.fault import Fault, FaultControls, NodeFault
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, HealVerified
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.faults.plan import PlannedFault
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import Seen, wait_until

HURRY = 1 / 300
"""The speed of a machine on which a heal is given up after a fifth of a second."""
PARTITION = Partition.of(["a"], ["b"])


@dataclass
class NotedControl:
    """Node control and network control in one; ``breaks`` and ``slow`` name the calls that fail or take a while."""

    done: list[str] = field(default_factory=list)
    breaks: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    whole: bool = True
    impairments: int = 0

    def running(self, node: Any) -> bool:
        return node.name not in self.down

    async def start(self, node: Any) -> None:
        await self._note(f"start {node.name}")
        self.down.discard(node.name)

    async def stop(self, node: Any) -> None:
        await self._note(f"stop {node.name}")
        self.down.add(node.name)

    async def kill(self, node: Any) -> None:
        await self._note(f"kill {node.name}")
        self.down.add(node.name)

    async def restart(self, node: Any, *, wipe_data: bool) -> None:
        await self._note(f"restart {node.name} {wipe_data}")

    async def pause(self, node: Any) -> None:
        await self._note(f"pause {node.name}")

    async def resume(self, node: Any) -> None:
        await self._note(f"resume {node.name}")

    async def fill_disk(self, node: Any) -> None:
        await self._note(f"fill {node.name}")

    async def free_disk(self, node: Any) -> None:
        await self._note(f"free {node.name}")

    async def skew_clock(self, node: Any, seconds: float) -> None:
        await self._note(f"skew {node.name} {seconds:+g}")

    async def lift(self, impairment: Impairment) -> None:
        await self._note(f"lift {impairment.description}")

    async def verify(self) -> LinkVerification:
        await self._note("verify")
        return LinkVerification(verified=self.whole, seconds=0, reason=None if self.whole else "b is silent")

    async def partition(self, groups: Sequence[Collection[str]], *, one_way: bool) -> Impairment:
        return await self._impaired("partition")

    async def impair(self, effect: LinkEffect, links: Links) -> Impairment:
        return await self._impaired(str(effect))

    async def _impaired(self, what: str) -> Impairment:
        await self._note(what)
        self.impairments += 1
        return Impairment(self.impairments, what, 0.0)

    async def _note(self, what: str) -> None:
        await asyncio.sleep(self.slow.get(what, 0))
        if what in self.breaks:
            raise NodeControlError(f"{what} is not to be")
        self.done.append(what)


@dataclass
class Client:
    peers: int = 1

    async def network_info(self) -> Any:
        if self.peers < 0:
            raise NodeUnreachable("a", "GET /network/info", "connection refused")
        return SimpleNamespace(n_peers=self.peers)


class Bench:
    def __init__(self, directory: Path) -> None:
        self.control = NotedControl()
        self.clients = {name: Client() for name in "ab"}
        nodes = [SimpleNamespace(name=name, client=client) for name, client in self.clients.items()]
        self.cluster: Any = SimpleNamespace(
            nodes=nodes, node_control=lambda: self.control, network_control=lambda: self.control
        )
        self.log = FaultLog()
        self.journal = Journal(directory / "journal.jsonl")

    def execution(self, *faults: tuple[Fault, float, float]) -> FaultExecution:
        planned = [
            PlannedFault(
                number=number, origin="faults", path=("faults", 0), fault=fault, inject_at=inject_at, heal_at=heal_at
            )
            for number, (fault, inject_at, heal_at) in enumerate(faults, start=1)
        ]
        return FaultExecution(planned, self.cluster, self.log, self.journal, Patience(HURRY))

    async def reached(self, calls: int) -> None:
        """Wait until the control has done so many calls."""

        async def look() -> Seen:
            return Seen(len(self.control.done) >= calls, f"done so far: {self.control.done}")

        await wait_until(f"{calls} calls of the control", look, timeout=60, poll=0.005)

    def events(self, kind: type[Any]) -> list[Any]:
        return [entry.event for entry in read_journal(self.journal.path) if isinstance(entry.event, kind)]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        (Kill("a"), ["kill a", "start a"]),
        (Stop("a"), ["stop a", "start a"]),
        (Pause("a"), ["pause a", "resume a"]),
        (Restart("a"), ["restart a False"]),
        (Restart("a", wipe_data=True), ["restart a True"]),
        (ClockSkew("a", -3), ["skew a -3", "skew a +0"]),
        (DiskFull("a"), ["fill a", "free a"]),
        (PARTITION, ["partition", "lift partition", "verify"]),
        (Latency(seconds=0.1), ["latency 0.1 s", "lift latency 0.1 s", "verify"]),
        (Loss(rate=0.1), ["loss 0.1", "lift loss 0.1", "verify"]),
        (Duplicate(rate=0.1), ["duplicate 0.1", "lift duplicate 0.1", "verify"]),
        (Reorder(rate=0.1), ["reorder 0.1 by 0.02 s", "lift reorder 0.1 by 0.02 s", "verify"]),
        (Bandwidth(bytes_per_second=9), ["bandwidth 9 B/s", "lift bandwidth 9 B/s", "verify"]),
    ],
)
async def test_every_fault_is_injected_healed_and_verified(bench: Bench, fault: Fault, done: list[str]) -> None:
    await bench.execution((fault, 0, 0.02)).run()
    assert bench.control.done == done
    (verified,) = bench.events(HealVerified)
    assert verified.verified
    (record,) = bench.log.records
    assert record.settled
    assert not record.active


async def test_what_the_planner_has_not_made_concrete_is_not_guessed(bench: Bench) -> None:
    with pytest.raises(FaultFailed, match="isolate a is not concrete"):
        await bench.execution((Isolate("a"), 0, 0.01)).run()


async def test_each_comes_and_goes_at_its_time(bench: Bench) -> None:
    began = time.monotonic()
    await bench.execution((Kill("a"), 0.1, 0.3), (PARTITION, 0, 0.2)).run()
    done = [what for what in bench.control.done if what != "verify"]
    assert done == ["partition", "kill a", "lift partition", "start a"]
    for record in bench.log.records:
        assert record.injected_at >= began + record.planned.inject_at
        assert record.healed_at is not None
        assert record.healed_at >= began + record.planned.heal_at
    assert all(event.late >= 0 for event in bench.events(FaultInjected))


async def test_one_that_cannot_be_injected_ends_the_run_of_all_and_the_others_are_healed(bench: Bench) -> None:
    bench.control.breaks.add("kill b")
    with pytest.raises(FaultFailed, match=r"fault 2 \(kill b\) could not be injected: kill b is not to be"):
        await bench.execution((Pause("a"), 0, 60), (Kill("b"), 0.05, 60), (PARTITION, 30, 60)).run()
    assert bench.control.done == ["pause a", "resume a"]
    assert {event.number for event in bench.events(FaultHealed)} == {1, 2}


async def test_one_that_cannot_be_healed_is_told_and_the_others_are(bench: Bench) -> None:
    bench.control.breaks.add("start a")
    with pytest.raises(FaultFailed, match=r"fault 1 \(kill a\) could not be healed: start a is not to be"):
        await bench.execution((Kill("a"), 0, 0.05), (Pause("b"), 0, 60)).run()
    assert "resume b" in bench.control.done


async def test_all_that_cannot_be_healed_are_named(bench: Bench) -> None:
    bench.control.breaks |= {"resume a", "lift partition"}
    execution = bench.execution((Pause("a"), 0, 60), (PARTITION, 0, 60), (Pause("b"), 0, 60))
    running = asyncio.create_task(execution.run())
    await bench.reached(3)
    with pytest.raises(ExceptionGroup) as raised:
        await execution.finish()
    assert {str(failure) for failure in leaves(raised.value)} == {
        "fault 1 (pause a) could not be healed: resume a is not to be",
        "fault 2 (partition a | b) could not be healed: lift partition is not to be",
    }
    assert is_failure(raised.value)
    assert "resume b" in bench.control.done
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_cannot_be_healed_after_an_early_end_is_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.control.breaks |= {"resume a", "lift partition", "kill b"}
    with pytest.raises(FaultFailed, match=r"fault 3 \(kill b\) could not be injected"):
        await bench.execution((Pause("a"), 0, 60), (PARTITION, 0, 60), (Kill("b"), 0.05, 60)).run()
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "fault 1 (pause a) could not be healed: resume a is not to be",
        "fault 2 (partition a | b) could not be healed: lift partition is not to be",
    ]


@pytest.mark.parametrize("end", ["cancelled", "finished"])
async def test_however_it_ends_everything_is_healed_and_nothing_more_injected(bench: Bench, end: str) -> None:
    execution = bench.execution((Pause("a"), 0, 60), (PARTITION, 0, 60), (Kill("b"), 1, 60))
    began = time.monotonic()
    running = asyncio.create_task(execution.run())
    await bench.reached(2)
    if end == "cancelled":
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await execution.finish()
    await execution.finish()
    assert sorted(bench.control.done[2:4]) == ["lift partition", "resume a"]
    await asyncio.sleep(began + 1.1 - time.monotonic())  # past the last injection
    assert "kill b" not in bench.control.done
    assert bench.log.active() == []
    assert [event.fault for event in bench.events(FaultLeftOut)] == ["kill b"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_slow_heal_and_the_next_fault_of_the_node_do_not_meet(bench: Bench) -> None:
    bench.control.slow["start a"] = 0.3
    await bench.execution((Kill("a"), 0, 0.05), (Pause("a"), 0.1, 0.15)).run()
    assert bench.control.done == ["kill a", "start a", "pause a", "resume a"]


async def test_a_heal_that_is_not_seen_to_come_through_fails(bench: Bench) -> None:
    bench.clients["a"].peers = 0
    with pytest.raises(FaultFailed, match=r"fault 1 \(pause a\) was healed, but: .*a: 0 peers, 1 wanted"):
        await bench.execution((Pause("a"), 0, 0.02)).run()
    bench.clients["a"].peers = -1
    with pytest.raises(FaultFailed, match=r"a: connection refused"):
        await bench.execution((Kill("a"), 0, 0.02)).run()
    bench.control.whole = False
    with pytest.raises(FaultFailed, match=r"fault 1 \(partition a \| b\) was healed, but: b is silent"):
        await bench.execution((PARTITION, 0, 0.02)).run()
    assert [event.verified for event in bench.events(HealVerified)] == [False] * 3
    assert not any(record.settled for record in bench.log.records)


async def test_a_node_that_dies_of_a_full_disk_after_the_heal_is_started_again(bench: Bench) -> None:
    bench.clients["a"].peers = -1

    class DiesLate(NotedControl):
        async def free_disk(self, node: Any) -> None:
            await super().free_disk(node)
            asyncio.get_running_loop().call_later(0.02, self.down.add, node.name)

        async def start(self, node: Any) -> None:
            await super().start(node)
            bench.clients["a"].peers = 1

    bench.control = bench.cluster.control = DiesLate()
    await bench.execution((DiskFull("a"), 0, 0.02)).run()
    assert bench.control.done == ["fill a", "free a", "start a"]


async def test_beside_another_fault_of_the_links_nothing_can_be_verified_and_that_is_said(bench: Bench) -> None:
    bench.clients["a"].peers = 0
    await bench.execution((PARTITION, 0, 0.8), (Loss(rate=0.5), 0, 0.05), (Pause("a"), 0, 0.05)).run()
    reasons = {event.number: event.reason for event in bench.events(HealVerified)}
    assert reasons == {
        1: None,
        2: "other faults of the network are still there",
        3: "other faults of the network are still there",
    }
    assert bench.control.done.count("verify") == 1


@pytest.mark.parametrize("fault", [Kill("a"), PARTITION], ids=lambda fault: fault.kind)
async def test_a_deployer_without_the_control_is_told(bench: Bench, fault: Fault) -> None:
    bench.cluster.node_control = bench.cluster.network_control = lambda: None
    what = "node control" if isinstance(fault, NodeFault) else "network control"
    with pytest.raises(FaultFailed, match=f"could not be injected: this deployer has no {what}"):
        await bench.execution((fault, 0, 0.02)).run()


async def test_listeners_hear_of_every_change_and_quiet_is_counted_from_the_last_heal(bench: Bench) -> None:
    heard: list[tuple[int, bool]] = []
    bench.log.listen(lambda record: heard.append((record.planned.number, record.active)))
    assert bench.log.faultless_since() == float("-inf")
    began = time.monotonic()
    await bench.execution((Pause("a"), 0, 0.8), (Pause("b"), 0.2, 0.4)).run()
    assert heard == [(1, True), (2, True), (2, False), (1, False)]
    quiet = bench.log.faultless_since()
    assert quiet is not None
    assert quiet >= began + 0.8


LogQuestion = Callable[[FaultLog], Any]


@pytest.mark.parametrize(
    ("fault", "question", "answer"),
    [
        (Pause("a"), lambda log: log.hit_nodes(), {"a"}),
        (Pause("a"), lambda log: log.network_is_whole, True),
        (PARTITION, lambda log: log.hit_nodes(), set()),
        (PARTITION, lambda log: log.network_is_whole, False),
        (PARTITION, lambda log: log.faultless_since(), None),
    ],
)
def test_what_the_log_says_while_a_fault_is_there(fault: Fault, question: LogQuestion, answer: Any) -> None:
    log = FaultLog()
    planned = PlannedFault(number=1, origin="faults", path=(), fault=fault, inject_at=0, heal_at=1)
    log.inject(planned, 5.0)
    assert question(log) == answer
    log.heal(planned, 6.0)
    assert (log.hit_nodes(), log.network_is_whole, log.faultless_since()) == (set(), True, 6.0)


@dataclass(frozen=True)
class Clumsy(NodeFault):
    """A user's fault that raises what it was given."""

    raises: Exception = field(default_factory=Exception)
    kind: ClassVar[str] = "clumsy"

    async def inject(self, controls: FaultControls) -> Impairment | None:
        raise self.raises


async def test_a_failure_that_a_users_fault_raises_is_a_failed_fault(bench: Bench) -> None:
    unreachable = NodeUnreachable("a", "GET /network/info", "connection refused")
    with pytest.raises(
        FaultFailed, match=r"fault 1 \(clumsy a\) could not be injected: a: GET /network/info: connection"
    ):
        await bench.execution((Clumsy("a", unreachable), 0, 60)).run()


async def test_a_bug_in_a_users_fault_is_not_taken_for_a_failure_and_the_others_are_healed(bench: Bench) -> None:
    with pytest.raises(KeyError, match="missing"):
        await bench.execution((Pause("b"), 0, 60), (Clumsy("a", KeyError("missing")), 0.05, 60)).run()
    assert bench.control.done == ["pause b", "resume b"]
