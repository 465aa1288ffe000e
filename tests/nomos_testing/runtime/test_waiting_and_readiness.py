"""Waits name what they wait for and the last value seen; readiness checks say what each node lacks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from nomos_testing.client.answers import ConsensusInfo, Membership, Mode, NetworkInfo, SubnetworkConnections
from nomos_testing.client.errors import NodeRefused, NodeUnreachable
from nomos_testing.cluster.roles import Role
from nomos_testing.journal.events import WaitContinues
from nomos_testing.report.live import message_of
from nomos_testing.runtime.readiness import HttpAnswers, MembershipAssigned, NetworkConnected, SubnetworksConnected
from nomos_testing.surroundings import measured_machine_factor
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import Seen, WaitTimeout, narrated, tell_of_waits, wait_until


@dataclass
class Answers:
    """A client that answers what the test says; an exception is raised."""

    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, method: str) -> Any:
        async def answer(*arguments: Any, **options: Any) -> Any:
            value = self.values[method]
            if isinstance(value, Exception):
                raise value
            return value

        return answer


@dataclass
class FakeNode:
    index: int
    client: Any
    role: Role = Role.VALIDATOR

    @property
    def name(self) -> str:
        return f"{self.role}-{self.index}"

    @property
    def label(self) -> str:
        return f"{self.role}#{self.index}@{3000 + self.index}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{8000 + self.index}"


def node(index: int, **values: Any) -> Any:
    return FakeNode(index, Answers(values))


def network(peers: int) -> NetworkInfo:
    return NetworkInfo((), peers, peers, 0)


REFUSED = NodeUnreachable("validator-1", "GET /network/info", "connection refused")


async def test_a_wait_ends_when_the_condition_holds() -> None:
    looks = iter([Seen(False, "1 of 2"), Seen(True, "2 of 2")])

    async def look() -> Seen:
        return next(looks)

    waited = await wait_until("two things", look, timeout=5, poll=0.001)
    assert waited.last_seen == "2 of 2"


async def test_a_wait_that_fails_says_what_for_and_what_was_seen() -> None:
    async def look() -> Seen:
        return Seen(False, "1 of 2")

    with pytest.raises(WaitTimeout, match="timed out waiting for two things: 1 of 2"):
        await wait_until("two things", look, timeout=0.02, poll=0.001)


async def test_network_readiness_needs_the_peers_of_the_layout() -> None:
    nodes = [node(0, network_info=network(1)), node(1, network_info=network(1))]
    check = NetworkConnected(nodes, {"validator-0": 2, "validator-1": 1})
    assert await check.look() == Seen(
        False, "validator#0@3000: peers=1, expected=2, validator#1@3001: peers=1, expected=1"
    )
    assert (await NetworkConnected(nodes, {"validator-0": 1, "validator-1": 1}).look()).fulfilled


async def test_a_node_that_does_not_answer_has_no_peers_and_its_error_is_shown() -> None:
    seen = await NetworkConnected([node(1, network_info=REFUSED)], {"validator-1": 0}).look()
    assert seen == Seen(False, "validator#1@3001: peers=0, expected=0, error=connection refused")


async def test_membership_readiness_needs_assignations() -> None:
    ready, waiting = Membership({0: ("peer",)}, {}), Membership({}, {})
    seen = await MembershipAssigned([node(0, da_get_membership=ready), node(1, da_get_membership=waiting)]).look()
    assert not seen.fulfilled
    assert "validator#1@3001: status=waiting, expected non-empty assignations" in seen.description
    assert (await MembershipAssigned([node(0, da_get_membership=ready)]).look()).fulfilled
    assert not (await MembershipAssigned([node(0, da_get_membership=REFUSED)]).look()).fulfilled


async def test_balancer_readiness_counts_connected_subnetworks() -> None:
    stats = {0: SubnetworkConnections(1, 0), 1: SubnetworkConnections(0, 0)}
    nodes = [node(0, balancer_stats=stats)]
    assert await SubnetworksConnected(nodes, {"validator-0": 2}).look() == Seen(
        False, "validator#0@3000: connected=1, required=2, stats=0:in=1,out=0;1:in=0,out=0"
    )
    assert (await SubnetworksConnected(nodes, {"validator-0": 1}).look()).fulfilled
    assert (await SubnetworksConnected([node(0, balancer_stats=REFUSED)], {"validator-0": 0}).look()).fulfilled


async def test_a_node_answers_over_http_or_says_why_not() -> None:
    info = ConsensusInfo(lib=None, tip=None, slot=0, height=3, mode=Mode.ONLINE)  # type: ignore[arg-type]
    assert (await HttpAnswers(node(0, consensus_info=info)).look()).fulfilled
    assert not (await HttpAnswers(node(0, consensus_info=REFUSED)).look()).fulfilled
    busy = NodeRefused("validator-0", "GET /cryptarchia/info", 503, "starting")
    assert (await HttpAnswers(node(0, consensus_info=busy)).look()).description.endswith("status 503 starting")
    assert HttpAnswers(node(0)).waited_for == "validator HTTP endpoint on http://127.0.0.1:8000"


def test_patience_grows_with_the_machine_and_where_the_user_says_so() -> None:
    assert Patience().seconds(60) == 60
    assert Patience(machine_factor=1.5).seconds(60) == 90
    assert Patience(machine_factor=1.5, slow_environment=True).seconds(60) == 180
    assert 1.0 <= measured_machine_factor() <= 8.0


AT_ONCE = (0.0, 0.0)


async def test_a_long_wait_says_what_for_and_what_it_saw_last_and_goes_on_saying_it() -> None:
    told: list[WaitContinues] = []
    tell_of_waits(told.append)

    async def look() -> Seen:
        return Seen(len(told) >= 3, f"look after {len(told)} words")

    await wait_until("three words", look, timeout=30, poll=0, words_after=AT_ONCE)
    assert {word.waited_for for word in told} == {"three words"}
    assert told[-1].limit == 30
    assert any(word.last_seen.startswith("look after ") for word in told)
    assert message_of(WaitContinues(waited_for="peers", seconds=8.2, limit=60, last_seen="peers=0")) == (
        "waiting for peers since 8 s (60 s at most): peers=0"
    )


async def test_whatever_takes_long_can_be_narrated_and_is_silent_when_it_is_over() -> None:
    told, word = list[WaitContinues](), asyncio.Event()

    def tell(said: WaitContinues) -> None:
        told.append(said)
        word.set()

    tell_of_waits(tell)
    async with asyncio.timeout(30), narrated("`docker pull`", limit=120, words_after=AT_ONCE):
        await word.wait()
    words = len(told)
    await asyncio.sleep(0)
    assert len(told) == words
    assert message_of(told[0]) == "waiting for `docker pull` since 0 s (120 s at most)"


async def test_before_there_is_a_run_the_log_tells(caplog: pytest.LogCaptureFixture) -> None:
    async def look() -> Seen:
        return Seen(bool(caplog.messages), "nothing in the log")

    await wait_until("the daemon", look, timeout=30, poll=0, words_after=AT_ONCE)
    assert caplog.messages[0].startswith("waiting for the daemon since 0 s (30 s at most): ")
    assert caplog.records[0].levelname == "WARNING"
