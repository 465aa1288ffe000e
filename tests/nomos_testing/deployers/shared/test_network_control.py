"""Control of the links between local nodes: a real relay, with plain sockets and would-be nodes at its ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import combinations, permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nomos_testing.client.errors import NodeUnreachable
from nomos_testing.cluster.interfaces import NetworkControl, NetworkControlError
from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link, Links
from nomos_testing.cluster.network_events import NetworkImpaired, NetworkRestored, NetworkVerified
from nomos_testing.deployers.shared.network_control import RelayNetworkControl
from nomos_testing.journal.journal import Journal, read_journal
from nomos_testing.waiting.machine import Patience
from support.inputs.fault_deadlines import EFFECT_DEADLINE
from support.processes.relay_lab import RelayLab, relay_lab, until

pytestmark = pytest.mark.network

NAMES = ("a", "b", "c")
SHORT = 0.8
"""Seconds that a verification gets which is to fail."""


@dataclass
class FakeClient:
    """Answers what a node with so many peers would."""

    peers: int

    async def network_info(self, *, timeout: float | None = None) -> Any:
        if self.peers < 0:
            raise NodeUnreachable("fake", "GET /network/info", "connection refused")
        return SimpleNamespace(n_peers=self.peers)


@dataclass
class FakeHandle:
    name: str
    client: Any
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = f"{self.name}@0"


@dataclass
class Laboratory:
    lab: RelayLab
    control: RelayNetworkControl
    clients: dict[str, FakeClient]
    answering: set[str]
    talking: set[str]
    """The nodes that send to all others, again and again."""
    journal: Path

    def events(self, kind: type[Any]) -> list[Any]:
        return [entry.event for entry in read_journal(self.journal) if isinstance(entry.event, kind)]

    async def talk(self) -> None:
        while True:
            for source, target in permutations(NAMES, 2):
                if source in self.talking:
                    self.lab.send(source, target, 1)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def laboratory(directory: Path) -> AsyncIterator[Laboratory]:
    clients = {name: FakeClient(2) for name in NAMES}
    nodes: list[Any] = [FakeHandle(name, client) for name, client in clients.items()]
    journal, answering = Journal(directory / "journal.jsonl"), set(NAMES)
    async with relay_lab(directory, *NAMES) as lab:
        control = RelayNetworkControl(
            lab.relay,
            lambda: nodes,
            connected=[frozenset(pair) for pair in combinations(NAMES, 2)],
            answering=lambda: answering,
            journal=journal,
            patience=Patience(),
        )
        running = Laboratory(lab, control, clients, answering, set(), journal.path)
        talk = asyncio.create_task(running.talk(), name="talk of the stations")
        try:
            yield running
        finally:
            talk.cancel()
            await asyncio.gather(talk, return_exceptions=True)
            journal.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Laboratory]:
    async with laboratory(tmp_path) as running:
        yield running


async def test_it_is_a_network_control(bench: Laboratory) -> None:
    bench.talking |= set(NAMES)
    control: NetworkControl = bench.control
    assert (await control.heal()).verified


async def test_a_partition_holds_until_it_is_lifted(bench: Laboratory) -> None:
    lab, control = bench.lab, bench.control
    asked = time.monotonic()
    partition = await control.partition([["a", "b"], ["c"]])
    assert partition.description == "partition a, b | c"
    assert partition.since - asked < EFFECT_DEADLINE
    assert await lab.passes("a", "b", timeout=2) is not None
    for source, target in (("a", "c"), ("c", "b")):
        assert await lab.passes(source, target, timeout=0.2) is None
    await control.lift(partition)
    await control.lift(partition)
    assert await lab.passes("a", "c", timeout=EFFECT_DEADLINE) is not None
    assert [event.numbers for event in bench.events(NetworkRestored)] == [(1,)]


async def test_a_one_way_partition_lets_answers_back(bench: Laboratory) -> None:
    partition = await bench.control.partition([["a"], ["b"]], one_way=True)
    assert partition.description == "partition a > b"
    assert await bench.lab.passes("a", "b", timeout=0.2) is None
    assert await bench.lab.passes("b", "a", timeout=2) is not None


async def test_a_link_is_whole_only_once_its_last_impairment_is_lifted(bench: Laboratory) -> None:
    lab, control = bench.lab, bench.control
    first = await control.impair(LinkEffect(loss=1), Links.towards(["a"], ["b"]))
    second = await control.partition([["a"], ["b", "c"]])
    await control.lift(first)
    assert await lab.passes("a", "b", timeout=0.2) is None
    await control.lift(second)
    assert await lab.passes("a", "b", timeout=2) is not None


@pytest.mark.parametrize(
    ("impair", "description"),
    [
        (
            lambda control: control.impair(LinkEffect(delay=0.2, jitter=0.1)),
            "latency 0.2 s (give or take 0.1 s) on all links",
        ),
        (lambda control: control.impair(LinkEffect(loss=0.25), Links.of("a")), "loss 0.25 on a <-> every node"),
        (lambda control: control.impair(LinkEffect(duplicate=0.5)), "duplicate 0.5 on all links"),
        (
            lambda control: control.impair(LinkEffect(reorder=0.1, hold=0.02), Links.between(["a"], ["b"])),
            "reorder 0.1 by 0.02 s on a <-> b",
        ),
        (
            lambda control: control.impair(LinkEffect(delay=0.2, loss=0.1), Links.of("a")),
            "latency 0.2 s, loss 0.1 on a <-> every node",
        ),
        (
            lambda control: control.impair(LinkEffect(bandwidth=9000), Links.towards("a", "b")),
            "bandwidth 9000 B/s on a -> b",
        ),
    ],
)
async def test_every_impairment_says_what_it_is_and_heals(
    bench: Laboratory, impair: Callable[[NetworkControl], Any], description: str
) -> None:
    bench.talking |= set(NAMES)
    impairment = await impair(bench.control)
    assert impairment.description == description
    assert [event.description for event in bench.events(NetworkImpaired)] == [description]
    assert (await bench.control.heal()).verified


async def test_healing_is_verified_and_idempotent(bench: Laboratory) -> None:
    bench.talking |= set(NAMES)
    control = bench.control
    await control.partition([["a"], ["b", "c"]])
    await control.impair(LinkEffect(delay=5))
    asked = time.monotonic()
    first = await control.heal()
    assert first.verified, first.reason
    assert first.left_out == ()
    second = await control.heal()
    assert second.verified, second.reason
    (restored,) = bench.events(NetworkRestored)
    assert restored.numbers == (1, 2)
    assert restored.seconds < EFFECT_DEADLINE
    assert first.seconds <= time.monotonic() - asked
    assert [event.verified for event in bench.events(NetworkVerified)] == [True, True]


async def test_a_node_that_sends_nothing_is_not_verified(bench: Laboratory) -> None:
    bench.talking |= {"a", "b"}
    verification = await bench.control.verify(timeout=SHORT)
    assert not verification.verified
    assert verification.reason == (
        f"not whole after {SHORT:g} s: nothing arrived on c -> a yet; nothing arrived on c -> b yet"
    )


async def test_a_node_that_misses_a_peer_or_does_not_answer_is_not_verified(bench: Laboratory) -> None:
    bench.talking |= set(NAMES)
    bench.clients["b"].peers = 1
    bench.clients["c"].peers = -1
    verification = await bench.control.verify(timeout=SHORT)
    assert verification.reason is not None
    assert "b@0: peers=1, expected=2; c@0: peers=0, expected=2, error=connection refused" in verification.reason


async def test_nothing_is_asked_of_nodes_that_do_not_run_and_links_that_are_impaired(bench: Laboratory) -> None:
    bench.talking |= set(NAMES)
    bench.answering.discard("c")
    bench.clients["a"].peers = bench.clients["b"].peers = 0
    await bench.control.partition([["a"], ["b"]], one_way=True)
    verification = await bench.control.verify()
    assert verification.verified, verification.reason
    assert verification.left_out == ("c is not running", "a -> b is impaired")


async def test_without_its_relay_a_network_cannot_be_impaired_and_is_not_verified(bench: Laboratory) -> None:
    os.kill(bench.lab.pid, signal.SIGKILL)
    await until("the end of the relay to be noticed", lambda: bool(bench.lab.ended))
    with pytest.raises(NetworkControlError, match="the network relay has ended"):
        await bench.control.impair(LinkEffect(loss=0.5))
    verification = await bench.control.heal()
    assert not verification.verified
    assert verification.reason is not None
    assert verification.reason.startswith("the network relay has ended (killed by SIGKILL); its log is ")


@pytest.mark.parametrize(
    ("impair", "complaint"),
    [
        (lambda control: control.partition([["a"], ["z"]]), "there is no node z; the cluster has a, b, c"),
        (lambda control: control.partition([["a", "b"], ["b"]]), "b: in two groups of one partition"),
        (lambda control: control.impair(LinkEffect(duplicate=0.1), Links.of("y")), "there is no node y"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    bench: Laboratory, impair: Callable[[NetworkControl], Any], complaint: str
) -> None:
    with pytest.raises(NetworkControlError, match=complaint):
        await impair(bench.control)
    assert bench.events(NetworkImpaired) == []


async def test_the_log_tells_each_request_to_the_relay_and_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "nomos_testing")
    async with laboratory(tmp_path) as running:
        running.talking |= set(NAMES)
        await running.control.partition([["a"], ["b"]], one_way=True)
        with pytest.raises(NetworkControlError):
            await running.lab.relay.impose(2, [Link("a", "nobody")], LinkEffect(cut=True))
        await running.control.heal()
        token = running.lab.relay.token.hex()
    for line in (
        "started the network relay (pid ",
        "relay: open done in ",
        "relay: impose number=1 links=[('a', 'b')] effect={'cut': True",
        "relay: impose number=2 links=[('a', 'nobody')] effect={'cut': True} failed after ",
        "relay: clear done in ",
        "looking whether every link is whole, no longer than ",
        "network_verified verified=True",
    ):
        assert any(message.startswith(line) for message in caplog.messages), (line, caplog.text)
    assert token not in caplog.text
